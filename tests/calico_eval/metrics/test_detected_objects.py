"""One definition of a detected object, at its limits: a score of 0.2 and a distance of 2 m."""

from __future__ import annotations

import numpy as np
import pytest

from calico.frame import Boxes, Frame
from calico.predictions import Predictions
from calico_eval.metrics.detected_objects import detect_any, find_objects
from calico_eval.metrics.nuscenes import class_ranges
from calico_eval.metrics.quality import frame_quality
from calico_eval.metrics.suffstats import compute_frame_stats

CAR, PEDESTRIAN = 0, 5
SIZE = (4.0, 2.0, 1.5)


def boxes(*xy: tuple[float, float]) -> np.ndarray:
    return np.array([(x, y, 0.0, *SIZE, 0.0, 0.0, 0.0) for x, y in xy], np.float32).reshape(-1, 9)


@pytest.fixture
def frame(street_frame: Frame) -> Frame:
    """Two cars, 20 m apart."""
    truth = Boxes(
        boxes((0.0, 5.0), (20.0, 5.0)),
        np.array([CAR, CAR]),
        np.zeros(2, np.int64),
        np.array([9, 9]),
        ("a", "b"),
    )
    return street_frame.replace(boxes=truth, ego_T_lidar=np.eye(4))


def answer(x: float, score: float, label: int = CAR) -> Predictions:
    return Predictions(boxes((x, 5.0)), np.array([score], np.float32), np.array([label]))


@pytest.mark.parametrize(
    ("x", "score", "label", "detected"),
    [
        (0.0, 0.21, CAR, True),
        (0.0, 0.19, CAR, False),
        (0.0, 0.25, PEDESTRIAN, False),
        (1.99, 0.25, CAR, True),
        (2.01, 0.25, CAR, False),
    ],
)
def test_a_box_detects_an_object(
    frame: Frame, x: float, score: float, label: int, detected: bool
) -> None:
    found = answer(x, score, label)
    assert detect_any(frame, found).tolist() == [detected, False]
    matched = find_objects(frame, found, class_ranges()).match_objects(2.0) >= 0
    assert matched.tolist() == [detected, False]


@pytest.mark.parametrize(("score", "quality"), [(0.21, 2 / 3), (0.19, 0.0)])
def test_the_quality_of_a_frame_counts_the_same_boxes(
    frame: Frame, score: float, quality: float
) -> None:
    plain = frame.replace(map_masks=None, map_known=None)
    stats = compute_frame_stats(plain, answer(0.0, score), class_ranges())
    assert frame_quality(stats) == pytest.approx(quality)  # F1 of one of two objects


def test_another_threshold_is_a_named_argument(frame: Frame) -> None:
    assert detect_any(frame, answer(0.0, 0.1), score=0.05).tolist() == [True, False]


def test_one_box_may_detect_two_objects_but_matches_one(frame: Frame) -> None:
    crowd = frame.replace(
        boxes=Boxes(
            boxes((0.0, 5.0), (2.0, 5.0)),
            np.array([CAR, CAR]),
            np.zeros(2, np.int64),
            np.array([9, 9]),
            ("a", "b"),
        )
    )
    between = answer(1.0, 0.9)
    assert detect_any(crowd, between).tolist() == [True, True]
    assert (find_objects(crowd, between, class_ranges()).match_objects(2.0) >= 0).sum() == 1
