"""Impossible numbers of rows are errors that name file, row and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from calico.data.nuscenes.values import read_intrinsics
from calico.errors import CalicoError
from tests.calico.data.nuscenes.loading import Edit, complaint


@pytest.mark.parametrize(
    ("table", "change", "expected"),
    [
        ("ego_pose", {"translation": [1, 2]}, "has translation [1, 2], expected 3 finite numbers"),
        (
            "ego_pose",
            {"translation": [1, 2, float("nan")]},
            "holds NaN; an undefined number is written as null",
        ),
        (
            "ego_pose",
            {"translation": [1, 2, None]},
            "has translation [1, 2, None], expected 3 finite numbers",
        ),
        (
            "ego_pose",
            {"translation": [1, 2, "3"]},
            "has translation [1, 2, '3'], expected 3 finite numbers",
        ),
        (
            "ego_pose",
            {"translation": [1, 2, True]},
            "has translation [1, 2, True], expected 3 finite numbers",
        ),
        ("ego_pose", {"translation": [1, 2, 10**310]}, "expected 3 finite numbers"),
        (
            "ego_pose",
            {"rotation": [2, 0, 0, 0]},
            "has rotation [2.0, 0.0, 0.0, 0.0] of length 2, not a unit quaternion",
        ),
        (
            "calibrated_sensor",
            {"rotation": [1, 0, 0.3, 0]},
            "of length 1.044, not a unit quaternion",
        ),
        (
            "sample_annotation",
            {"rotation": [1, 1, 0, 0]},
            "row 'box-0-0-0' has rotation [1.0, 1.0, 0.0, 0.0] of length",
        ),
        (
            "sample_annotation",
            {"size": [1, -2, 1]},
            "row 'box-0-0-0' has size [1, -2, 1], expected above 0 and at most 1000 m",
        ),
        (
            "sample_annotation",
            {"num_lidar_pts": -1},
            "row 'box-0-0-0' has num_lidar_pts -1, expected 0 or more",
        ),
        (
            "sample_annotation",
            {"num_radar_pts": -5},
            "row 'box-0-0-0' has num_radar_pts -5, expected 0 or more",
        ),
        ("sample_annotation", {"num_lidar_pts": 10**30}, "expected 0 or more"),
        (
            "sample_annotation",
            {"size": [1, 2, 1e6]},
            "has size [1, 2, 1000000.0], expected above 0 and at most 1000 m",
        ),
        (
            "sample_annotation",
            {"translation": [0, 1e200, 0]},
            "has translation [0, 1e+200, 0], expected 3 finite numbers within 1e+09",
        ),
        (
            "ego_pose",
            {"translation": [1e30, 0, 0]},
            "has translation [1e+30, 0, 0], expected 3 finite numbers within 1e+09",
        ),
        ("sample_annotation", {"num_lidar_pts": True}, "has bool in 'num_lidar_pts', expected int"),
        (
            "sample_annotation",
            {"attribute_tokens": [["a"]]},
            "refers to ['a'], expected a token (text)",
        ),
        ("sample_annotation", {"attribute_tokens": [{}]}, "refers to {}, expected a token (text)"),
        ("ego_pose", {"rotation": [0, 0, 0, 0]}, "not a unit quaternion"),
        (
            "sample_annotation",
            {"size": [1, 0, 1]},
            "row 'box-0-0-0' has size [1, 0, 1], expected above 0 and at most 1000 m",
        ),
        (
            "sample_annotation",
            {"attribute_tokens": ["attribute-0"] * 2},
            "row 'box-0-0-0' has 2 attributes",
        ),
    ],
)
def test_impossible_numbers(
    tiny: Path, edit: Edit, table: str, change: dict[str, object], expected: str
) -> None:
    edit(table, lambda rows: rows[0].update(change))
    assert expected in complaint(tiny)


def test_intrinsics_of_another_shape(tiny: Path, edit: Edit) -> None:
    edit("calibrated_sensor", lambda rows: rows[1].update(camera_intrinsic=[[1, 2], [3, 4]]))
    assert (
        "row 'mount-CAM_FRONT' has a camera_intrinsic of shape (2, 2), expected (3, 3)"
        in complaint(tiny)
    )


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ([[30.0, 0, 31.5], [0, None, 15.5], [0, 0, 1]], "expected 3 x 3 finite numbers"),
        ([[30.0, 0, 31.5], [0, "30", 15.5], [0, 0, 1]], "expected 3 x 3 finite numbers"),
        ([[30.0, 0, float("nan")], [0, 30, 15.5], [0, 0, 1]], "expected 3 x 3 finite numbers"),
        ([[-30.0, 0, 31.5], [0, 30, 15.5], [0, 0, 1]], "fx and fy above 0"),
        ([[30.0, 0, 31.5], [0, 0, 15.5], [0, 0, 1]], "fx and fy above 0"),
        (
            [[30.0, 0, 31.5], [0, 30, 15.5], [0, 0, 2]],
            "expected [[fx, s, cx], [0, fy, cy], [0, 0, 1]]",
        ),
        (
            [[30.0, 0, 0], [0, 30, 0], [31.5, 15.5, 1]],
            "expected [[fx, s, cx], [0, fy, cy], [0, 0, 1]]",
        ),
        ([30.0, 0, 31.5], "of shape (3,), expected (3, 3)"),
        ([[30.0, 0], [0, 30]], "of shape (2, 2), expected (3, 3)"),
        ([], "of shape (0,), expected (3, 3)"),
    ],
)
def test_impossible_intrinsics(matrix: list, expected: str) -> None:
    with pytest.raises(CalicoError) as error:
        read_intrinsics(Path("calibrated_sensor.json"), {"token": "m", "camera_intrinsic": matrix})
    assert str(error.value).startswith("calibrated_sensor.json: row 'm' has a camera_intrinsic")
    assert expected in str(error.value)
