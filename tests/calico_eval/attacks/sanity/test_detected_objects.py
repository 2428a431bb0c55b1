"""Objects that sanity checks count: near, seen by the LiDAR, of a known class, and detected."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from calico.frame import Bool, Boxes, Frame
from calico.predictions import Predictions
from calico_eval.attacks.sanity.detected_objects import find_targets, found_objects
from calico_eval.engines.torch import TorchEngine

ROWS = [(8.0, 0.0), (0.0, 10.0), (-6.0, 3.0), (40.0, 0.0)]
CAR = 0


class Answers:
    """An engine that knows the first three objects and finds a car at (8.5, 0) alone."""

    def __init__(self, score: float) -> None:
        self.score = score

    def find_known(self, frame: Frame) -> Bool:
        return np.array([True, True, True, False])

    def predict(self, frames: Sequence[Frame]) -> list[Predictions]:
        box = np.array([[8.5, 0.0, 0.0, 4.0, 2.0, 1.5, 0.0, 0.0, 0.0]], np.float32)
        return [
            Predictions(box, np.array([self.score], np.float32), np.array([CAR])) for _ in frames
        ]


def scene(frame: Frame) -> Frame:
    boxes = np.zeros((4, 9), np.float32)
    boxes[:, :2], boxes[:, 3:6] = ROWS, (4.0, 2.0, 1.5)
    labels, points = np.full(4, CAR), np.array([30, 12, 0, 5])
    return frame.replace(boxes=Boxes(boxes, labels, np.zeros(4, np.int64), points, tuple("abcd")))


def test_an_object_without_points_or_out_of_range_is_no_target(street_frame: Frame) -> None:
    found = find_targets(Answers(0.9), scene(street_frame))  # type: ignore[arg-type]
    assert found.tolist() == [True, True, False, False]


def test_an_object_is_found_by_a_box_of_score_0_2_within_two_metres(street_frame: Frame) -> None:
    for score, expected in ((0.9, True), (0.21, True), (0.19, False)):
        found = found_objects(Answers(score), scene(street_frame))  # type: ignore[arg-type]
        assert found.tolist() == [expected, False, False, False]


def test_the_objects_are_those_of_the_labelled_frame(
    fused: TorchEngine, street_frame: Frame
) -> None:
    empty = street_frame.replace(boxes=Boxes.empty())
    assert len(found_objects(fused, empty)) == 0
    with_labels = found_objects(fused, empty, street_frame)
    assert np.array_equal(with_labels, found_objects(fused, street_frame))
    assert with_labels.sum() >= 5
