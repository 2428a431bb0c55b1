"""Calibrations and labels against numbers that are computed by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calico.data.kitti.files import KittiObject, format_object, read_calibration, read_labels
from calico.errors import CalicoError

CALIBRATION = """P0: 700 0 600 0 0 700 170 0 0 0 1 0
P1: 700 0 600 -378 0 700 170 0 0 0 1 0
P2: 700 0 600 42 0 700 170 0 0 0 1 0
P3: 700 0 600 -336 0 700 170 0 0 0 1 0
R0_rect: 1 0 0 0 1 0 0 0 1
Tr_velo_to_cam: 0 -1 0 0 0 0 -1 -0.08 1 0 0 -0.27
Tr_imu_to_velo: 1 0 0 -0.81 0 1 0 0.32 0 0 1 -0.8

"""
LABEL = "Car 0.10 1 -1.5 100 120 200 180 1.5 1.6 4.0 2.0 1.7 20.0 0.0\n"


def test_the_lidar_is_taken_to_the_rectified_camera(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text(CALIBRATION)
    rig = read_calibration(tmp_path / "c.txt")
    point = rig.rectified_T_velodyne @ (10.0, 2.0, 1.0, 1.0)
    np.testing.assert_allclose(point, (-2.0, -1.08, 9.73, 1.0))
    assert rig.projections["P2"][0, 3] == 42


def test_a_line_of_labels(tmp_path: Path) -> None:
    (tmp_path / "l.txt").write_text(
        LABEL + "DontCare -1 -1 -10 5 6 7 8 -1 -1 -1 -1000 -1000 -1000 -10\n"
    )
    car, area = read_labels(tmp_path / "l.txt")
    assert car == KittiObject(
        "Car", 0.1, 1, 100, 120, 200, 180, (1.5, 1.6, 4.0), (2.0, 1.7, 20.0), 0.0
    )
    assert (area.kind, area.left, area.bottom) == ("DontCare", 5, 8)


@pytest.mark.parametrize(
    ("height", "occluded", "truncated", "level"),
    [
        (40, 0, 0.15, 1),
        (39, 0, 0.15, 2),
        (40, 1, 0.15, 2),
        (40, 0, 0.16, 2),
        (25, 1, 0.30, 2),
        (25, 2, 0.50, 3),
        (24, 0, 0.0, 0),
        (80, 3, 0.0, 0),
        (80, 0, 0.51, 0),
    ],
)
def test_levels_of_the_benchmark(
    height: float, occluded: int, truncated: float, level: int
) -> None:
    one = KittiObject("Car", truncated, occluded, 0, 0, 9, height, (1, 1, 1), (0, 0, 9), 0.0)
    assert one.difficulty == level


def test_alpha_is_the_turn_against_the_ray() -> None:
    """An object at 45 degrees to the right that looks along the camera's x axis."""
    one = KittiObject("Car", 0, 0, 0, 0, 9, 9, (1, 1, 1), (10.0, 1.0, 10.0), 0.0)
    assert float(format_object(one).split()[3]) == pytest.approx(-np.pi / 4)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("P2: 700", "P9: 700", "has no line P2"),
        ("P2: 700 0 600 42", "P2: 700 0 600", "expected 12 finite numbers"),
        ("P2: 700", "P2: -700", "P2 is no projection"),
        ("Tr_velo_to_cam: 0 -1", "Tr_velo_to_cam: 0 -2", "Tr_velo_to_cam holds no rotation"),
        ("R0_rect: 1", "R0_rect: nan", "line 5"),
        ("R0_rect: 1", "R0_rect: one", "line 5.*holds no number"),
    ],
)
def test_a_damaged_calibration_is_refused(
    tmp_path: Path, before: str, after: str, message: str
) -> None:
    assert before in CALIBRATION
    (tmp_path / "c.txt").write_text(CALIBRATION.replace(before, after))
    with pytest.raises(CalicoError, match=message):
        read_calibration(tmp_path / "c.txt")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Car 0 0 0 1 2 3 4 1 1 1 0 0 9\n", "14 values, expected 15"),
        (LABEL.replace("1.5 1.6 4.0", "1.5 0 4.0"), "expected metres above 0"),
        (LABEL.replace("20.0", "inf"), "finite numbers"),
        (LABEL.replace("20.0", "x"), "holds no number"),
        (LABEL.replace("Car", "C\x1br"), "expected a name"),
    ],
)
def test_a_damaged_label_is_refused(tmp_path: Path, line: str, message: str) -> None:
    (tmp_path / "l.txt").write_text(line)
    with pytest.raises(CalicoError, match=message):
        read_labels(tmp_path / "l.txt")
