"""Where attacks aim, windows, and the number of points that may vanish."""

import numpy as np
import pytest

from calico.frame import Boxes, Frame
from calico_eval.attacks import Threat
from calico_eval.attacks.lidar.aim import azimuth_of, choose_object, count_removable, in_window


def with_objects(frame: Frame, xy: list[tuple[float, float]], points: list[int]) -> Frame:
    boxes = np.zeros((len(xy), 9), np.float32)
    boxes[:, :2], boxes[:, 3:6] = np.array(xy).reshape(-1, 2), 1.0
    zeros = np.zeros(len(xy), np.int64)
    return frame.replace(boxes=Boxes(boxes, zeros, zeros, np.array(points, np.int64)))


def test_the_nearest_object_ahead_with_points(flat: Frame) -> None:
    places = [(-2.0, 0.0), (3.0, 0.0), (9.0, 8.9), (0.0, 5.0), (20.0, 0.0)]
    assert choose_object(with_objects(flat, places, [9, 0, 9, 9, 9])) == (2, "")
    assert choose_object(with_objects(flat, places[:2], [9, 0])) == (
        0,
        "no object ahead: aimed at the nearest",
    )
    row, note = choose_object(with_objects(flat, [], []))
    assert row == -1
    assert "straight ahead" in note


def test_azimuth_is_seen_from_the_sensor(flat: Frame) -> None:
    frame = with_objects(flat, [(3.0, 4.0)], [1])
    assert azimuth_of(frame, 0) == pytest.approx(np.arctan2(4.0, 3.0))
    pose = np.eye(4)[None].copy()
    pose[0, :2, 3] = (3.0, 3.0)
    assert azimuth_of(frame.replace(sweep_T=pose), 0) == pytest.approx(np.pi / 2)
    assert azimuth_of(frame, -1) == 0.0


@pytest.mark.parametrize("center", [0.0, 1.0, 3.1, -3.1, np.pi])
def test_windows_go_around_the_back(center: float) -> None:
    azimuth = np.deg2rad(np.arange(-180.0, 180.0, 0.25) + 0.1)
    offsets = 7.0 * np.stack([np.cos(azimuth), np.sin(azimuth), 0 * azimuth], axis=1)
    inside = in_window(offsets, center, 20.0)
    expected = [abs(np.degrees(np.angle(np.exp(1j * (a - center))))) < 10.0 for a in azimuth]
    assert inside.tolist() == expected
    assert 79 <= inside.sum() <= 81
    assert in_window(offsets, center, 360.0).all()


def test_as_many_points_may_vanish_as_the_budget_check_accepts(flat: Frame) -> None:
    for n in (1, 3, 7, 100, 2879):
        frame = flat.replace(
            points=flat.points[:n], ring=flat.ring[:n], sweep_index=flat.sweep_index[:n]
        )
        for share in (0.01, 0.05, 0.1, 0.2, 0.29, 1.0):
            count = count_removable(Threat(removed_share=share), frame)
            assert count / n <= share
            assert (count + 1) / n > share
        assert count_removable(Threat(points_removed=5), frame) == min(5, n)
        assert count_removable(Threat(points_removed=5, removed_share=1.0), frame) == n
