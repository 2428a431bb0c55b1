"""Hand-computed values and guards of the detection metric; the comparison with the devkit is in
test_nuscenes_devkit.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from calico.errors import CalicoError
from calico.frame import Boxes, Frame
from calico.predictions import Predictions
from calico.taxonomy import NUSCENES
from calico_eval.metrics.nuscenes import (
    aggregate_detection,
    class_ranges,
    detection_stats,
    pool_detection,
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


def test_ranges_of_the_official_configuration_and_clipped() -> None:
    assert class_ranges() == {
        "car": 50,
        "truck": 50,
        "bus": 50,
        "trailer": 50,
        "construction_vehicle": 50,
        "pedestrian": 40,
        "motorcycle": 40,
        "bicycle": 40,
        "traffic_cone": 30,
        "barrier": 30,
    }
    assert set(class_ranges(35.0).values()) == {35.0, 30.0}
    with pytest.raises(CalicoError, match="clip_to_m: got 0"):
        class_ranges(0)


def test_perfect_predictions_score_one(make_frame: MakeFrame) -> None:
    rows = [car(10 + 10 * (i % 2), 4 * i - 20, vx=3.0) for i in range(10)]
    labels = np.arange(10)
    speed_attribute = (
        [MOVING] * 5
        + [NUSCENES.attributes.index("pedestrian.moving")]
        + [NUSCENES.attributes.index("cycle.with_rider")] * 2
    )
    boxes = replace(truth(rows), labels=labels, attributes=np.array([*speed_attribute, -1, -1]))
    found = replace(guesses(rows, [0.9] * 10), labels=labels)
    result = aggregate_detection([detection_stats(make_frame("a", boxes), found, class_ranges())])
    assert result.mAP == pytest.approx(1)
    assert pytest.approx(1) == result.NDS
    assert result.mAP_present == pytest.approx(1)
    assert result.tp_errors["traffic_cone"] == {
        "ATE": 0,
        "ASE": 0,
        "AOE": None,
        "AVE": None,
        "AAE": None,
    }
    assert result.tp_errors["barrier"] == {"ATE": 0, "ASE": 0, "AOE": 0, "AVE": None, "AAE": None}


def test_average_precision_by_hand(make_frame: MakeFrame) -> None:
    """Two cars; in order of score: hit, miss, hit. Precision 1 up to recall 1/2, then linear from
    1/2 to 2/3 at recall 1."""
    frame = make_frame("a", truth([car(10), car(20)]))
    found = guesses([car(10), car(40), car(20)], [0.9, 0.8, 0.7])
    result = aggregate_detection([detection_stats(frame, found, class_ranges())])
    recalls = np.arange(11, 101) / 100
    precision = np.where(recalls < 0.5, 1.0, 0.5 + (recalls - 0.5) / 0.5 * (2 / 3 - 0.5))
    expected = float((precision - 0.1).mean() / 0.9)
    assert result.class_ap["car"] == pytest.approx(expected)
    assert result.mAP == pytest.approx(expected / 10)
    assert result.mAP_present == pytest.approx(expected)
    assert result.n_gt["car"] == 2


def test_errors_are_running_means_over_the_scores(make_frame: MakeFrame) -> None:
    """Errors 0 then 1 m: running mean 0 at recall 1/2, 1/2 at recall 1; below recall 1/2 it stays
    0."""
    frame = make_frame("a", truth([car(10), car(20)]))
    found = guesses([car(10), car(21)], [0.8, 0.4])
    ate = aggregate_detection([detection_stats(frame, found, class_ranges())]).tp_errors["car"][
        "ATE"
    ]
    recalls = np.arange(11, 101) / 100
    assert ate == pytest.approx(float(np.where(recalls < 0.5, 0.0, recalls - 0.5).mean()))


def test_a_class_found_too_rarely_has_error_one(make_frame: MakeFrame) -> None:
    frame = make_frame("a", truth([car(10, 3.0 * i - 30) for i in range(20)]))
    found = guesses([car(10.1, -30)], [0.8])
    result = aggregate_detection([detection_stats(frame, found, class_ranges())])
    assert result.n_gt["car"] == 20
    assert result.tp_errors["car"]["ATE"] == 1  # recall 1/20 < 0.11


def test_a_part_evaluates_alone(random_pair: Callable[..., Any]) -> None:
    rng = np.random.default_rng(0)
    pairs = [random_pair(rng, f"t{i}", classes=3) for i in range(6)]
    stats = [detection_stats(*pair, class_ranges()) for pair in pairs]
    again = [detection_stats(*pair, class_ranges()) for pair in pairs[2:4]]
    part = aggregate_detection(stats[2:4])
    assert part == aggregate_detection(again)
    ap, _ = pool_detection(stats).compute_ap_and_errors(np.array([0, 0, 1, 1, 0, 0], np.bool_))
    assert dict(zip(NUSCENES.names, ap.mean(axis=1).tolist(), strict=True)) == part.class_ap


def test_nothing_at_all(make_frame: MakeFrame) -> None:
    result = aggregate_detection(
        [detection_stats(make_frame("a", Boxes.empty()), guesses([], []), class_ranges())]
    )
    assert (result.mAP, result.NDS, result.mAP_present) == (0, 0, None)
