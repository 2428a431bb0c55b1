"""Boxes from annotation rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pyquaternion import Quaternion

from calico.data.nuscenes import NuScenesSource
from calico.frame import Frame
from calico.geometry.frames import transform_points
from calico.geometry.grid import Grid
from calico.taxonomy import NUSCENES
from tests.calico.data.nuscenes.loading import complaint_of_scene

Rows = list[dict]


Edit = Callable[[str, Callable[[Rows], object]], None]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"box-0-0-0": {"next": "box-0-0-0"}},
            "next of row 'box-0-0-0' is 'box-0-0-0', which is the row itself",
        ),
        (
            {"box-0-0-2": {"prev": "box-0-1-0"}},
            "next of row 'box-0-0-0' is 'box-0-0-2', which has 'box-0-1-0' as prev",
        ),
        (
            {"box-0-1-0": {"next": "box-0-0-2"}},
            "which is of another object (instance 'object-0-0')",
        ),
        (
            {
                "box-0-0-0": {"prev": "box-0-0-2", "next": ""},
                "box-0-0-2": {"next": "box-0-0-0", "prev": ""},
            },
            "row 'box-0-0-2' comes before row 'box-0-0-0' by prev and next, but its sample is "
            "500000 us later",
        ),
    ],
)
def test_annotations_before_and_after(
    tiny: Path, edit: Edit, change: dict[str, dict], expected: str
) -> None:
    edit(
        "sample_annotation", lambda rows: [row.update(change.get(row["token"], {})) for row in rows]
    )
    assert expected in complaint_of_scene(tiny)


GRID = Grid(-32, 32, -32, 32, 0.5)


def load(root: Path, index: int = 0, sweeps: int = 1, split: str = "train") -> Frame:
    return NuScenesSource(root, "v1.0-mini", split, GRID, sweeps=sweeps)[index]


def test_boxes(tiny: Path) -> None:
    frame = load(tiny)
    assert [NUSCENES.names[label] for label in frame.boxes.labels] == [
        "car",
        "pedestrian",
    ]  # not the animal
    assert [NUSCENES.attributes[a] if a >= 0 else "" for a in frame.boxes.attributes] == [
        "vehicle.moving",
        "",
    ]
    assert frame.boxes.num_points.tolist() == [7, 8]
    assert frame.boxes.instances == ("object-0-0", "object-0-1")
    car = frame.boxes.boxes[0].astype(np.float64)
    np.testing.assert_allclose(
        transform_points(frame.global_T_lidar, car[None, :3])[0], [1010, 505, 1], atol=1e-4
    )
    assert car[3:6].tolist() == pytest.approx([4.5, 1.9, 1.6])
    # The LiDAR is tilted by 1.5 and 0.5 degrees. Heading and velocity are level: 75 degrees and 3 m
    # in 0.5 s along x, less
    # the LiDAR's heading, which is that of its x axis seen from above.
    heading = np.arctan2(frame.global_T_lidar[1, 0], frame.global_T_lidar[0, 0])
    assert car[6] + heading == pytest.approx(np.deg2rad(75), abs=1e-6)
    np.testing.assert_allclose(car[7:9], [6 * np.cos(heading), -6 * np.sin(heading)], atol=1e-6)


def test_heading_and_velocity_under_a_large_tilt_by_hand(
    tiny: Path, edit: Callable[[str, Callable[[list[dict]], object]], None]
) -> None:
    """A LiDAR that looks along global x, pitched down by 60 degrees: cut to two axes, 6 m/s along x
    would be 3."""
    level = [1, 0, 0, 0]
    pitched = Quaternion(axis=[0, 1, 0], degrees=60) * Quaternion(
        axis=[0, 0, 1], degrees=-90
    )  # of the file's axes
    edit("ego_pose", lambda rows: [row.update(rotation=level) for row in rows])
    edit("calibrated_sensor", lambda rows: rows[0].update(rotation=list(pitched)))
    car = load(tiny).boxes.boxes[0].astype(np.float64)
    assert car[6] == pytest.approx(np.deg2rad(75), abs=1e-6)
    np.testing.assert_allclose(car[7:9], [6, 0], atol=1e-6)


def test_velocity_is_unknown_for_a_single_annotation(tiny: Path) -> None:
    assert np.isnan(load(tiny).boxes.boxes[1, 7:9]).all()


@pytest.mark.parametrize(("gap_s", "known"), [(1.5, True), (1.6, False)])
def test_velocity_is_unknown_over_long_gaps(
    tiny: Path,
    edit: Callable[[str, Callable[[list[dict]], object]], None],
    gap_s: float,
    known: bool,
) -> None:
    edit("sample", lambda rows: rows[1].update(timestamp=rows[0]["timestamp"] + round(gap_s * 1e6)))
    assert np.isfinite(load(tiny).boxes.boxes[0, 7:9]).all() == known
