"""Points lie in the boxes that the tables count them in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calico.data.check import check_data
from calico.data.nuscenes import NuScenesSource
from calico.geometry.frames import from_yaw, transform_points
from tests.calico.data.nuscenes.loading import Edit, config


@pytest.fixture
def counted(tiny: Path, edit: Edit) -> Path:
    """The tiny data set with 120 points in every box, which the table counts."""
    rng = np.random.default_rng(11)
    source = NuScenesSource(tiny, "v1.0-mini", "all", None)
    for index in range(len(source)):
        sample = source.record(index)
        clouds = [np.fromfile(tiny / sample.lidar[0].filename, "<f4").reshape(-1, 5)]
        for box in sample.boxes.boxes.astype(np.float64):
            inside = transform_points(
                from_yaw(box[6], (box[0], box[1], box[2])),
                rng.uniform(-0.49, 0.49, (120, 3)) * box[3:6],
            )
            columns = [
                -inside[:, 1],
                inside[:, 0],
                inside[:, 2],
                rng.integers(0, 256, 120),
                rng.integers(0, 32, 120),
            ]
            clouds.append(np.stack(columns, axis=1))
        np.concatenate(clouds).astype("<f4").tofile(tiny / sample.lidar[0].filename)
    edit(
        "sample_annotation",
        lambda rows: [row.update(num_lidar_pts=120, num_radar_pts=0) for row in rows],
    )
    return tiny


def turn_clouds(root: Path, matrix: list[list[float]]) -> None:
    for path in (root / "samples" / "LIDAR_TOP").iterdir():
        cloud = np.fromfile(path, "<f4").reshape(-1, 5)
        cloud[:, :2] = cloud[:, :2] @ np.array(matrix, np.float32).T
        cloud.tofile(path)


def test_points_lie_in_the_boxes(counted: Path) -> None:
    report = check_data(config(counted))
    assert report.ok
    assert (
        dict(report.facts)["val points in boxes"]
        == "100.0 % of those that the tables count (2 keyframes)"
    )


@pytest.mark.parametrize(
    ("matrix", "what"),
    [
        ([[0, -1], [1, 0]], "turned by -90 degrees about z, 100 % would"),
        ([[0, 1], [-1, 0]], "turned by 90 degrees about z, 100 % would"),
        ([[-1, 0], [0, -1]], "turned by 180 degrees about z, 100 % would"),
    ],
)
def test_a_lidar_in_other_axes_is_found(
    counted: Path, matrix: list[list[float]], what: str
) -> None:
    turn_clouds(counted, matrix)
    report = check_data(config(counted))
    (train, val) = report.problems
    assert train.startswith("train: only ")
    assert "of the points that the tables count in boxes lie there; " + what in train
    assert "(2 keyframes looked at); expected the axes x right, y forward, z up in the files" in val


def test_a_copy_that_was_made_wrong_is_no_problem(counted: Path) -> None:
    turn_clouds(counted, [[0, -1], [1, 0]])
    (counted / "manifest.json").write_text('{"kind": "calico corrupt"}')
    report = check_data(config(counted))
    assert report.ok
    assert any(note.startswith("train: only ") for note in report.notes)


def test_counts_that_do_not_fit(counted: Path, edit: Edit) -> None:
    edit("sample_annotation", lambda rows: [row.update(num_lidar_pts=40) for row in rows])
    assert (
        "points lie in boxes for which the tables count 120"
        in check_data(config(counted)).problems[0]
    )
    edit("sample_annotation", lambda rows: [row.update(num_lidar_pts=0) for row in rows])
    assert (
        check_data(config(counted))
        .problems[0]
        .startswith("train: num_lidar_pts and num_radar_pts are 0 in all 3 boxes")
    )
