"""Filter and matching of one frame, by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from calico.errors import CalicoError
from calico.frame import Boxes, Frame
from calico.geometry.frames import from_yaw
from calico.predictions import Predictions
from calico.taxonomy import NUSCENES
from calico_eval.metrics.matching import DetectionStats
from calico_eval.metrics.nuscenes import (
    aggregate_detection,
    class_ranges,
    detection_stats,
)

CAR, BARRIER = NUSCENES.names.index("car"), NUSCENES.names.index("barrier")


MOVING, PARKED = (
    NUSCENES.attributes.index("vehicle.moving"),
    NUSCENES.attributes.index("vehicle.parked"),
)


MakeFrame = Callable[..., Frame]


def truth(rows: list[list[float]], label: int = CAR, attribute: int = -1) -> Boxes:
    n = len(rows)
    boxes = np.array(rows, np.float32).reshape(n, 9)
    return Boxes(boxes, np.full(n, label), np.full(n, attribute), np.ones(n, np.int64))


def guesses(
    rows: list[list[float]], scores: list[float], label: int = CAR, attribute: int | None = None
) -> Predictions:
    n = len(rows)
    attributes = None if attribute is None else np.full(n, attribute)
    boxes = np.array(rows, np.float32).reshape(n, 9)
    return Predictions(
        boxes, np.array(scores, np.float32), np.full(n, label), attributes=attributes
    )


def car(x: float, y: float = 0.0, **changes: float) -> list[float]:
    box = {
        "x": x,
        "y": y,
        "z": 0.0,
        "l": 4.0,
        "w": 2.0,
        "h": 2.0,
        "yaw": 0.0,
        "vx": 0.0,
        "vy": 0.0,
    } | changes
    return list(box.values())


def test_true_positive_errors_by_hand(make_frame: MakeFrame) -> None:
    frame = make_frame("a", truth([car(10, vx=3.0)], attribute=MOVING))
    found = guesses([car(10.3, 0.4, l=2.0, yaw=0.25, vx=3.0, vy=2.0)], [0.5], attribute=PARKED)
    errors = aggregate_detection([detection_stats(frame, found, class_ranges())]).tp_errors["car"]
    assert errors == pytest.approx(
        {"ATE": 0.5, "ASE": 0.5, "AOE": 0.25, "AVE": 2.0, "AAE": 1.0}, abs=1e-6
    )


def test_barriers_have_no_front(make_frame: MakeFrame) -> None:
    for label, expected in ((BARRIER, 0.1), (CAR, np.pi - 0.1)):
        frame = make_frame("a", truth([car(10)], label))
        stats = detection_stats(
            frame, guesses([car(10, yaw=np.pi - 0.1)], [0.5], label), class_ranges()
        )
        assert stats.errors[0, 2] == pytest.approx(expected, abs=1e-6)


def test_range_is_about_the_ego_and_strict(make_frame: MakeFrame) -> None:
    """The LiDAR sits 1 m ahead of the ego origin: an object at x = 49 m of the LiDAR frame is at 50
    m, outside."""
    frame = make_frame("a", truth([car(49), car(48.9)])).replace(ego_T_lidar=from_yaw(0, (1, 0, 2)))
    stats = detection_stats(
        frame, guesses([car(49), car(48.9), car(-50.9)], [0.5] * 3), class_ranges()
    )
    assert stats.n_gt[CAR] == 1
    assert len(stats.labels) == 2
    assert stats.tp[:, 0].tolist() == [True, False]


def test_threshold_is_strict(make_frame: MakeFrame) -> None:
    stats = detection_stats(
        make_frame("a", truth([car(10)])), guesses([car(12)], [0.5]), class_ranges()
    )
    assert stats.tp.tolist() == [[False, False, False, True]]


def test_threshold_is_strict_for_the_next_object_too(make_frame: MakeFrame) -> None:
    """The better box takes the nearer car; the other box is exactly 2 m from the car that is
    left."""
    frame = make_frame("a", truth([car(10), car(12.5)]))
    stats = detection_stats(frame, guesses([car(10), car(10.5)], [0.9, 0.8]), class_ranges())
    assert stats.tp.tolist() == [[True] * 4, [False, False, False, True]]


def test_objects_without_points_do_not_count(make_frame: MakeFrame) -> None:
    boxes = replace(truth([car(10), car(20)]), num_points=np.array([0, -1]))  # -1: unknown, kept
    stats = detection_stats(make_frame("a", boxes), guesses([car(10)], [0.5]), class_ranges())
    assert stats.n_gt[CAR] == 1
    assert not stats.tp.any()


def test_every_object_is_found_once_by_the_best_score(make_frame: MakeFrame) -> None:
    frame = make_frame("a", truth([car(10)]))
    stats = detection_stats(
        frame, guesses([car(10), car(10.2), car(10)], [0.5, 0.9, 0.5]), class_ranges()
    )
    assert stats.tp[:, 0].tolist() == [False, True, False]
    tie = detection_stats(frame, guesses([car(10), car(10)], [0.5, 0.5]), class_ranges())
    assert tie.tp[:, 0].tolist() == [False, True]  # equal scores: the later one first


def test_attributes_follow_from_the_speed_where_none_are_predicted(make_frame: MakeFrame) -> None:
    frame = make_frame("a", truth([car(10)], attribute=MOVING))
    for speed, error in ((0.5, 0.0), (0.1, 1.0)):
        assert (
            detection_stats(frame, guesses([car(10, vx=speed)], [0.5]), class_ranges()).errors[0, 4]
            == error
        )


BAD: dict[str, tuple[Predictions, str]] = {
    "too many": (
        guesses([car(10)] * 501, [0.5] * 501),
        "frame a: got 501 boxes, expected at most 500",
    ),
    "label": (guesses([car(10)], [0.5], label=10), r"frame a: got label 10, expected 0\.\.9"),
    "size": (guesses([car(10, l=0.0)], [0.5]), r"frame a: box 0 is .*positive sizes"),
    "centre": (guesses([car(np.nan)], [0.5]), "frame a: box 0 is .*finite centre"),
    "score": (guesses([car(10)], [np.nan]), "frame a: a score is not finite"),
}


@pytest.mark.parametrize("fault", BAD)
def test_faults_name_the_frame(fault: str, make_frame: MakeFrame) -> None:
    predictions, message = BAD[fault]
    with pytest.raises(CalicoError, match=message):
        detection_stats(make_frame("a", Boxes.empty()), predictions, class_ranges())


def test_other_faults(make_frame: MakeFrame) -> None:
    frame = make_frame("a", truth([car(10)], label=-1))
    with pytest.raises(CalicoError, match="ground truth of frame a: got label -1"):
        detection_stats(frame, guesses([], []), class_ranges())
    with pytest.raises(CalicoError, match="no range for car"):
        detection_stats(
            frame, guesses([], []), {k: v for k, v in class_ranges().items() if k != "car"}
        )
    with pytest.raises(CalicoError, match="no frames"):
        aggregate_detection([])
    zero = np.zeros(0, np.int64)
    with pytest.raises(CalicoError, match=r"DetectionStats.n_gt: got shape \(9,\)"):
        DetectionStats(
            zero,
            np.zeros(0, np.float32),
            np.zeros((0, 4), bool),
            np.zeros((0, 5)),
            np.zeros(9, np.int64),
        )
