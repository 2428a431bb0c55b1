"""`check_data` and `open_source` on the tiny data set, whole and damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from calico.config.data import DataConfig
from calico.config.model import GridConfig
from calico.config.schema import Config
from calico.data.check import check_data
from calico.data.nuscenes import NuScenesSource
from calico.data.open import open_source
from calico.errors import CalicoError
from calico.geometry.frames import from_yaw, transform_points

Edit = Callable[[str, Callable[[list[dict]], object]], None]


def config(root: Path, **settings: object) -> Config:
    return Config(data=DataConfig(source="nuscenes", root=root, **settings))  # type: ignore[arg-type]


def test_whole(tiny: Path) -> None:
    calls: list[tuple[int, int]] = []
    report = check_data(
        config(tiny, sweeps=2), progress=lambda done, total: calls.append((done, total))
    )
    assert report.ok
    assert calls[0] == (1, 30)
    assert calls[-1] == (30, 30)  # 2 splits x (2 + 1 sweeps + 2 x 6 images)
    facts = dict(report.facts)
    assert facts["sample_data.json"] == "30 rows"
    assert facts["train"] == "'train': 1 scenes, 2 keyframes"
    assert facts["train objects"] == "car 2, pedestrian 1; 0 of them without points"
    assert facts["map boston-seaport"].startswith("drivable_area 1, ped_crossing 0")
    assert facts["files"].startswith("30 of 30 whole, 384 points, ")
    assert report.notes == [
        f"{s}: 1 keyframes with fewer than 2 sweeps (scenes begin there)" for s in ("train", "val")
    ]
    assert report.lines()[-1] == "all there"


def test_every_damaged_file_is_listed(tiny: Path, edit: Edit) -> None:
    cloud, image = (
        tiny / "samples" / name
        for name in ("LIDAR_TOP/LIDAR_TOP-0-0.pcd.bin", "CAM_BACK/CAM_BACK-1-2.jpg")
    )
    cloud.write_bytes(cloud.read_bytes()[:-1])
    image.unlink()
    (tiny / "maps" / "expansion" / "boston-seaport.json").unlink()
    edit(
        "sample_data",
        lambda rows: rows.remove(next(row for row in rows if row["token"] == "CAM_FRONT-0-2")),
    )
    report = check_data(config(tiny))
    assert not report.ok
    assert [problem.split(": ")[1].split(";")[0] for problem in report.problems] == [
        "sample sample-0-2 has no keyframe of CAM_FRONT",
        "truncated point cloud",
        "missing",
    ]
    assert any(note.startswith("no map expansion") for note in report.notes)
    assert report.lines()[-1] == "3 problems"


def test_empty_frames_are_notes(tiny: Path, edit: Edit) -> None:
    (tiny / "samples" / "LIDAR_TOP" / "LIDAR_TOP-0-0.pcd.bin").write_bytes(b"")
    edit("sample_annotation", lambda rows: rows.clear())
    report = check_data(config(tiny))
    assert report.ok
    assert report.notes == [
        "train: 2 keyframes without objects",
        "val: 2 keyframes without objects",
        "1 keyframes without a single LiDAR point",
    ]


def test_a_long_list_is_cut_in_print_only(tiny: Path) -> None:
    for path in (tiny / "samples").glob("CAM_*/*.jpg"):
        path.unlink()
    report = check_data(config(tiny))
    assert len(report.problems) == 24
    assert report.lines()[-2:] == ["... and 4 more problems", "24 problems"]


def test_missing_tables_are_all_named(tiny: Path) -> None:
    for name in ("log", "sensor"):
        (tiny / "v1.0-mini" / f"{name}.json").unlink()
    problems = check_data(config(tiny)).problems
    assert [problem.split(": ")[0] for problem in problems] == [
        f"{tiny}/v1.0-mini/sensor.json",
        f"{tiny}/v1.0-mini/log.json",
    ]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            {"root": None},
            "data.root: not set; data.source 'nuscenes' needs the folder of the data set: "
            "--data-root",
        ),
        (
            {"root": "/nowhere"},
            "data.root: '/nowhere' is not a folder; expected the folder of the data set",
        ),
    ],
)
def test_no_root(settings: dict[str, object], expected: str) -> None:
    bad = Config(data=DataConfig(source="nuscenes", **settings))  # type: ignore[arg-type]
    assert check_data(bad).problems == [expected]
    with pytest.raises(CalicoError, match="the folder of the data set"):
        open_source(bad, "train")


def test_waymo_says_that_it_has_no_reader(tmp_path: Path) -> None:
    bad = Config(data=DataConfig(source="waymo", root=tmp_path))
    assert (
        check_data(bad).problems[0].startswith("data.source: 'waymo' has no reader in this version")
    )


def test_open_source_follows_the_configuration(tiny: Path) -> None:
    grid = GridConfig(map_x_range_m=(-8, 8), map_y_range_m=(-4, 4), map_cell_m=1.0)
    both = Config(
        data=DataConfig(source="nuscenes", root=tiny, cameras=("CAM_BACK",), sweeps=2), grid=grid
    )
    train, val = open_source(both, "train"), open_source(both, "val")
    assert train.info(0).scene == "scene-0061"
    assert val.info(0).scene == "scene-0103"
    frame = val[1]
    assert len(frame.images) == 1
    assert len(frame.sweep_T) == 2
    assert frame.map_masks is not None
    assert frame.map_masks.shape == (6, 8, 16)


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


@pytest.mark.parametrize(
    ("table", "change", "expected"),
    [
        (
            "sample_annotation",
            {"sample_token": "x"},
            "1 rows (first: token 'box-0-0-0') have a sample_token that sample.json",
        ),
        (
            "sample_annotation",
            {"instance_token": "x"},
            "have a instance_token that instance.json does not have ('x')",
        ),
        (
            "sample_data",
            {"ego_pose_token": "x"},
            "have a ego_pose_token that ego_pose.json does not have ('x')",
        ),
        ("scene", {"log_token": "x"}, "have a log_token that log.json does not have ('x')"),
        ("category", {"name": "vehicle.carr"}, "did you mean 'vehicle.car'?"),
        (
            "calibrated_sensor",
            {"camera_intrinsic": [[30, 0, 800], [0, 30, 450], [0, 0, 1]]},
            "optical axis at (800, 450)",
        ),
    ],
)
def test_problems_of_the_tables(
    tiny: Path, edit: Edit, table: str, change: dict[str, object], expected: str
) -> None:
    number = 1 if table == "calibrated_sensor" else 0
    edit(table, lambda rows: rows[number].update(change))
    assert any(expected in problem for problem in check_data(config(tiny)).problems)


def test_what_is_odd_is_noted(tiny: Path, edit: Edit) -> None:
    """Several image sizes, no rings, no intensities, a scene in both splits, scenes that are not
    there, a jump."""
    image = tiny / "samples" / "CAM_BACK" / "CAM_BACK-0-0.jpg"
    Image.new("RGB", (80, 40)).save(image)
    edit(
        "sample_data",
        lambda rows: [
            row.update(width=80, height=40) for row in rows if row["token"] == "CAM_BACK-0-0"
        ],
    )
    edit(
        "ego_pose",
        lambda rows: [
            row.update(translation=[0, 0, 0]) for row in rows if row["token"] == "LIDAR_TOP-0-2"
        ],
    )
    edit("sample", lambda rows: rows[0].update(next="sample-1-0"))
    for path in (tiny / "samples" / "LIDAR_TOP").iterdir():
        cloud = np.fromfile(path, "<f4").reshape(-1, 5)
        cloud[:, 3:] = 0
        cloud.tofile(path)
    splits = {
        "train": ["scene-0061", "scene-0061", "scene-0001"],
        "val": ["scene-0061", "scene-0103"],
    }
    (tiny / "v1.0-mini" / "splits.json").write_text(json.dumps(splits))
    report = check_data(config(tiny))
    assert report.ok
    for expected in (
        "images of 2 sizes: 64 x 32 (23 images), 80 x 40 (1 images)",
        "no rings: in 4 of 4 LiDAR sweeps all points have one ring",
        "no intensities: in 4 of 4 LiDAR sweeps all are the same",
        "scene-0061 in both train and val",
        "split 'train' lists scenes that the tables lack: scene-0001",
        "split 'train' lists scenes twice: scene-0061",
        "m/s before sample 'sample-0-2' (1 keyframes above 70 m/s)",
        "next of row 'sample-0-0' is 'sample-1-0', which is of another scene",
    ):
        assert any(expected in note for note in report.notes), expected


def test_splits_are_chosen(tiny: Path) -> None:
    facts = dict(check_data(config(tiny), ["val"]).facts)
    assert facts["files"].startswith("14 of 14 whole")
    assert "train" not in facts
    facts = dict(check_data(config(tiny), ["scene-0061", "all"]).facts)
    assert facts["scene-0061"] == "'scene-0061': 1 scenes, 2 keyframes"
    assert facts["all"] == "'all': 2 scenes, 4 keyframes"
    assert (
        "unknown split 'tset'; expected one of train, val"
        in check_data(config(tiny), ["tset"]).problems[0]
    )


def test_the_folder_of_the_tables_is_not_the_root(tiny: Path) -> None:
    (problem,) = check_data(config(tiny / "v1.0-mini")).problems
    assert problem == (
        f"data.root: '{tiny}/v1.0-mini' is the folder of the tables; expected the one above it, "
        "which holds v1.0-mini/ and "
        f"samples/: --data-root {tiny} --set data.version=v1.0-mini"
    )
