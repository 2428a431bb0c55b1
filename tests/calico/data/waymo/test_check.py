from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calico.config.load import load_config
from calico.config.schema import Config
from calico.data.check import check_data
from calico.data.waymo.records import WaymoRecord
from calico.data.waymo.v1.writer import write_segment
from tests.calico.data.waymo.small import segment


def config_of(root: Path, *settings: str) -> Config:
    chosen = ["data.waymo.interval=1", *settings]
    return load_config("waymo", None, chosen, {"data.root": root})


def write(root: Path, records: list[WaymoRecord]) -> Path:
    write_segment(root, "validation", records[0].context, records)
    return root


@pytest.fixture(scope="module")
def three() -> list[WaymoRecord]:
    return list(segment("val").records())


def test_a_whole_data_set_is_all_there(root: Path) -> None:
    counted: list[tuple[int, int]] = []
    report = check_data(config_of(root), progress=lambda done, total: counted.append((done, total)))
    assert report.problems == []
    facts = dict(report.facts)
    assert "2 segments, 6 frames, 6 keyframes" in facts["train"]
    assert facts["train points in boxes"].startswith(("99.", "100.0 %"))
    assert facts["val weather"] == "sunny 3"
    assert facts["val location"] == "location_other 3"
    assert facts["train objects"].startswith("vehicle ")
    assert "in zones without labels" in facts["val points"]
    assert counted[-1] == (9, 9)
    assert report.notes == []


def test_intervals_and_single_splits(root: Path) -> None:
    report = check_data(config_of(root, "data.waymo.interval=2"), ("validation",))
    assert dict(report.facts)["validation"].endswith("1 segments, 3 frames, 2 keyframes")


def test_a_segment_in_two_splits_is_noted(v1_root: Path, tmp_path: Path) -> None:
    shutil.copytree(v1_root / "training", tmp_path / "training")
    shutil.copytree(v1_root / "training", tmp_path / "validation")
    report = check_data(config_of(tmp_path))
    assert "2 segments in both train and val" in report.notes[0]


@pytest.mark.parametrize(
    ("component", "is_problem"),
    [("lidar_pose", True), ("camera_image", True), ("stats", False)],
)
def test_missing_components_are_named(
    v2_root: Path, tmp_path: Path, component: str, is_problem: bool
) -> None:
    shutil.copytree(v2_root, tmp_path, dirs_exist_ok=True)
    shutil.rmtree(tmp_path / "validation" / component)
    report = check_data(config_of(tmp_path), ("val",))
    text = f"val: 1 of 1 segments have no {component}"
    assert any(one.startswith(text) for one in report.problems) == is_problem
    assert any(one.startswith(text) for one in report.notes) == (not is_problem)


def test_images_are_not_missed_by_a_model_without_cameras(v2_root: Path, tmp_path: Path) -> None:
    shutil.copytree(v2_root, tmp_path, dirs_exist_ok=True)
    for name in ("camera_image", "camera_calibration"):
        shutil.rmtree(tmp_path / "validation" / name)
    config = config_of(tmp_path, "data.cameras=[]", "model.camera=null")
    assert check_data(config, ("val",)).problems == []


def test_labels_of_another_place_do_not_hold_the_points(
    three: list[WaymoRecord], tmp_path: Path
) -> None:
    turned = []
    for record in three:
        boxes = record.labels.boxes.copy()
        boxes[:, :2] = boxes[:, 1::-1] * np.array([-1, 1])
        turned.append(replace(record, labels=replace(record.labels, boxes=boxes)))
    report = check_data(config_of(write(tmp_path, turned)), ("val",))
    assert any("lie in the boxes; expected range images" in one for one in report.problems)


def test_images_of_another_time_are_named(three: list[WaymoRecord], tmp_path: Path) -> None:
    late = replace(three[1].images[2], pose_time_s=three[1].images[2].pose_time_s + 1)
    records = [three[0], replace(three[1], images={**three[1].images, 2: late}), three[2]]
    report = check_data(config_of(write(tmp_path, records)), ("val",))
    (problem,) = report.problems
    assert "camera FRONT_LEFT: the image is taken 1.04 s after the timestamp" in problem


def test_gaps_are_noted(three: list[WaymoRecord], tmp_path: Path) -> None:
    report = check_data(config_of(write(tmp_path, [three[0], three[2]])), ("val",))
    (note,) = report.notes
    assert "1 of 1 steps between frames are not about 0.1 s, the longest is 0.20 s" in note


def test_a_mount_that_is_not_rigid_is_named(three: list[WaymoRecord], tmp_path: Path) -> None:
    calibrations = dict(three[0].lidar_calibrations)
    mount = calibrations[3].vehicle_T_lidar.copy()
    mount[:3, :3] *= 1.1
    calibrations[3] = replace(calibrations[3], vehicle_T_lidar=mount)
    records = [replace(one, lidar_calibrations=calibrations) for one in three]
    report = check_data(config_of(write(tmp_path, records)), ("val",))
    assert any("LiDAR SIDE_LEFT: the pose is not rigid" in one for one in report.problems)


def test_a_pose_of_the_vehicle_that_is_not_rigid_is_named(
    three: list[WaymoRecord], tmp_path: Path
) -> None:
    pose = three[1].world_T_vehicle.copy()
    pose[0, :3] *= 1.1
    records = [three[0], replace(three[1], world_T_vehicle=pose), three[2]]
    report = check_data(config_of(write(tmp_path, records)), ("val",))
    assert any("the pose of the vehicle is not rigid" in one for one in report.problems)


def test_a_silent_lidar_is_named(three: list[WaymoRecord], tmp_path: Path) -> None:
    scan = three[2].scans[5]
    silent = replace(scan, returns=tuple(np.full_like(one, -1) for one in scan.returns))
    records = [*three[:2], replace(three[2], scans={**three[2].scans, 5: silent})]
    report = check_data(config_of(write(tmp_path, records)), ("val",))
    (problem,) = report.problems
    assert f"{three[2].timestamp_us}: LiDAR REAR has no point" in problem


def test_a_folder_without_the_data_set(tmp_path: Path) -> None:
    report = check_data(config_of(tmp_path))
    assert "has no folder training" in report.problems[0]
    assert "has no folder validation" in report.problems[1]
