"""The check of the tables."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from calico.data.check import check_data
from tests.calico.data.nuscenes.loading import Edit, config


def test_missing_tables_are_all_named(tiny: Path) -> None:
    for name in ("log", "sensor"):
        (tiny / "v1.0-mini" / f"{name}.json").unlink()
    problems = check_data(config(tiny)).problems
    assert [problem.split(": ")[0] for problem in problems] == [
        f"{tiny}/v1.0-mini/sensor.json",
        f"{tiny}/v1.0-mini/log.json",
    ]


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
