"""Phantoms in the frustum of a real object."""

import numpy as np
import pytest

from calico.frame import Boxes, Frame
from calico.geometry.boxes import box_corners
from calico.geometry.camera import project_points
from calico_eval.attacks import AttackSpec, Threat, attack_frame
from calico_eval.attacks.lidar.aim import choose_object
from calico_eval.attacks.lidar.frustum import find_frustum
from calico_eval.engines.torch import TorchEngine

SPEC = AttackSpec("frustum", Threat(points_added=200, points_removed=200, window_deg=20.0), steps=8)


def test_the_rectangle_holds_the_object_and_what_is_behind_it(frame: Frame) -> None:
    found = find_frustum(frame, 0)
    assert found is not None
    box = frame.boxes.boxes[0]
    assert found.size_hw == (64, 128)
    pixels, _, _ = project_points(frame.image_from_lidar[0], box_corners(box[None])[0], (64, 128))
    assert found.low == pytest.approx(pixels.min(axis=0))
    assert found.high == pytest.approx(pixels.max(axis=0))
    center = box[:3].astype(np.float64)
    assert found.holds(np.stack([center, 1.5 * center, 0.6 * center, -center])).tolist() == [
        True,
        True,
        True,
        False,
    ]
    assert not found.holds(np.array([[8.0, 5.0, -1.0], [8.0, 1.0, 3.0]])).any()


def test_no_frustum_where_no_camera_sees_the_whole_object(frame: Frame) -> None:
    assert (
        find_frustum(
            frame.replace(
                images=(),
                camera_K=frame.camera_K[:0],
                camera_T_lidar=frame.camera_T_lidar[:0],
                camera_time_s=frame.camera_time_s[:0],
            ),
            0,
        )
        is None
    )
    beside = frame.boxes.boxes.copy()
    beside[0, :2] = (0.5, 8.0)
    boxes = Boxes(beside, frame.boxes.labels, frame.boxes.attributes, frame.boxes.num_points)
    assert find_frustum(frame.replace(boxes=boxes), 0) is None


def test_all_returns_are_where_the_camera_sees_the_object(
    fused: TorchEngine, street_frame: Frame
) -> None:
    result = attack_frame(fused, street_frame, SPEC, 0)
    before = {row.tobytes() for row in street_frame.points}
    new = np.array([row for row in result.frame.points if row.tobytes() not in before])
    row, _ = choose_object(street_frame)
    found = find_frustum(street_frame, row)
    assert found is not None
    assert len(new) >= 5
    assert found.holds(new[:, :3].astype(np.float64)).all()
    own = np.linalg.norm(street_frame.boxes.boxes[row, :2])
    ranges = np.linalg.norm(new[:, :2], axis=1)
    assert (ranges > own + 3.5).all() or (ranges < own - 1.0).all()
    assert "phantom" in result.details.note
    assert result.details.queries <= 9


def test_without_an_object_nothing_is_changed(fused: TorchEngine, street_frame: Frame) -> None:
    result = attack_frame(fused, street_frame.replace(boxes=Boxes.empty()), SPEC, 0)
    assert result.budget.points_added == 0
    assert "no frustum" in result.details.note
