"""Metrics of arrays are those of frames, and those computed by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico_eval.engines.torch import TorchEngine
from calico_eval.evaluate import evaluate_engine
from calico_eval.metrics.from_boxes import detection_metrics
from calico_eval.metrics.nuscenes import class_ranges
from calico_eval.metrics.summary import compute_metrics

CAR = [10.0, 0, 0, 4, 2, 1.5, 0]


def cars(*xs: float) -> np.ndarray:
    return np.array([[x, *CAR[1:]] for x in xs])


def test_one_hit_and_one_false_alarm_by_hand() -> None:
    """Two cars; the best box hits one, the next hits nothing. Recall is 1/2 at precision 1.

    Of the 90 recalls 0.11 to 1.00, those below 0.5 (39 of them) have precision 1 and count
    (1 - 0.1) / 0.9 = 1. Recall 0.5 is reached twice; its precision is the last one, 1/2, which
    counts (0.5 - 0.1) / 0.9. Beyond 0.5 nothing is reached.
    """
    scores = detection_metrics(
        predicted=[(cars(10, 40), [0.9, 0.5], [0, 0])], truth=[(cars(10, 20), [0, 0])]
    )
    ap = (39 + 0.4 / 0.9) / 90
    assert scores["AP/car"] == pytest.approx(ap)
    assert scores["mAP"] == pytest.approx(ap / 10)
    assert scores["mAP_present"] == pytest.approx(ap)
    assert np.isnan(scores["AP/bus"])
    assert scores.metric("AP/bus").reason == "no ground truth objects of class bus"
    assert scores.interval("mAP") is None
    assert "mIoU" not in scores


def test_distances_and_ranges_by_hand() -> None:
    """A box 0.7 m off is a hit at 1, 2 and 4 m, so AP is 3/4. Beyond 50 m nothing counts."""
    scores = detection_metrics([(cars(10.7, 60), [0.9, 0.95], [0, 0])], [(cars(10, 61), [0, 0])])
    assert scores["AP/car"] == pytest.approx(0.75)
    assert scores["mATE"] == pytest.approx((0.7 + 9) / 10)
    near = detection_metrics(
        [(cars(10), [0.9], [0])], [(cars(10), [0])], ranges={**class_ranges(), "car": 9.0}
    )
    assert np.isnan(near["AP/car"])


def test_unknown_velocities_and_attributes_count_as_in_the_frame_path() -> None:
    """Seven columns of truth are unknown velocities: the error of a class without any is 1."""
    truth = np.concatenate([cars(10), [[3.0, 0.0]]], axis=1)
    moving = np.concatenate([cars(10), [[3.0, 1.0]]], axis=1)
    known = detection_metrics([(moving, [0.9], [0])], [(truth, [0])])
    unknown = detection_metrics([(moving, [0.9], [0])], [(cars(10), [0])])
    assert known["mAVE"] == pytest.approx((1.0 + 7) / 8)
    assert unknown["mAVE"] == 1.0
    good = detection_metrics([(moving, [0.9], [0], [0])], [(truth, [0], [0])])
    bad = detection_metrics([(moving, [0.9], [0], [1])], [(truth, [0], [0])])
    assert good["mAAE"] == pytest.approx(7 / 8)
    assert bad["mAAE"] == 1.0


def test_a_frame_without_objects_or_predictions() -> None:
    empty = ([], [], [])
    scores = detection_metrics([empty, (cars(10), [0.9], [0])], [(cars(10), [0]), ([], [])])
    assert scores["AP/car"] == 0.0
    assert np.isnan(detection_metrics([empty], [([], [])])["mAP_present"])


def about_the_vehicle(frame: Frame) -> Frame:
    """The frame of a LiDAR at the vehicle's origin: its boxes are relative to the vehicle."""
    return frame.replace(ego_T_lidar=np.eye(4), global_T_lidar=np.eye(4))


def test_equal_to_the_frame_path(small_engine: TorchEngine, street: FrameSource) -> None:
    """The same boxes through frames and through arrays give the same figures and intervals."""
    stats = evaluate_engine(
        small_engine, street, ranges=class_ranges(), batch_size=1, transform=about_the_vehicle
    )
    expected = compute_metrics(stats)
    predicted: list[tuple[Any, ...]] = []
    truth: list[tuple[Any, ...]] = []
    for index in range(len(street)):
        frame = about_the_vehicle(street[index])
        seen = frame.boxes.num_points > 0
        answer = small_engine.predict([frame])[0]
        predicted.append((answer.boxes, answer.scores, answer.labels))
        truth.append(
            (
                frame.boxes.boxes[seen],
                frame.boxes.labels[seen],
                frame.boxes.attributes[seen],
            )
        )
    scenes = [street.info(index).scene for index in range(len(street))]
    scores = detection_metrics(predicted, truth, scenes=scenes)
    assert 0 < scores["mAP_present"] < 1
    for name in scores:
        assert scores.metric(name) == expected[name]


@pytest.mark.parametrize(
    ("predicted", "truth", "message"),
    [
        ([], [], "got no frames"),
        ([([], [], [])], [], "got 1 frames of predictions and 0 of truth"),
        ([7], [([], [])], r"predicted\[0\]: got int, expected \(boxes, scores, labels\)"),
        ([([], [])], [([], [])], r"predicted\[0\]: got 2 members"),
        ([([], [], [])], [([],)], r"truth\[0\]: got 1 members, expected \(boxes, labels\)"),
        ([(cars(1), [0.5], [10])], [([], [])], "predictions of frame 0: got label 10, expected 0"),
        ([(cars(1)[:, :5], [0.5], [0])], [([], [])], r"predicted\[0\]: .*boxes \(1, 5\)"),
        ([([], [], [])], [(cars(1)[:, :6], [0])], r"truth\[0\]: boxes have shape \(1, 6\)"),
        ([([], [], [])], [(cars(1), 0)], r"truth\[0\]: labels have shape \(\), expected \(1,\)"),
        ([([], [], [])], [(cars(np.nan), [0])], "ground truth of frame 0: box 0 is"),
    ],
)
def test_what_cannot_be_scored_is_named(
    predicted: list[Any], truth: list[Any], message: str
) -> None:
    with pytest.raises(CalicoError, match=message):
        detection_metrics(predicted, truth)


def test_scenes_of_another_number_are_refused() -> None:
    with pytest.raises(CalicoError, match="got 1 scenes for 2 frames"):
        detection_metrics([([], [], [])] * 2, [([], [])] * 2, scenes=["a"])


@pytest.mark.parametrize("wrong", [77, -7])
def test_attributes_that_the_taxonomy_does_not_have_are_refused(wrong: int) -> None:
    box, score, label = cars(10), [0.9], [0]
    with pytest.raises(CalicoError, match=rf"predicted\[0\]: got attribute {wrong}, expected -1"):
        detection_metrics([(box, score, label, [wrong])], [(box, label, [0])])
    with pytest.raises(CalicoError, match=rf"truth\[0\]: got attribute {wrong}"):
        detection_metrics([(box, score, label, [0])], [(box, label, [wrong])])


@pytest.mark.parametrize("limit", [-5.0, 0.0, float("nan"), float("inf")])
def test_ranges_are_metres_above_zero(limit: float) -> None:
    one = cars(10)
    with pytest.raises(CalicoError, match=r"range of car is .*expected metres above 0"):
        detection_metrics([(one, [0.9], [0])], [(one, [0])], ranges={"car": limit})


def test_predictions_are_checked_as_those_of_a_model() -> None:
    one = cars(10)
    with pytest.raises(CalicoError, match=r"predicted\[0\]: scores are not all in 0..1"):
        detection_metrics([(one, [1.8], [0])], [(one, [0])])
    moving = np.concatenate([one, [[np.nan, 0.0]]], axis=1)
    with pytest.raises(CalicoError, match=r"predicted\[0\]: boxes hold NaN or infinite"):
        detection_metrics([(moving, [0.9], [0])], [(one, [0])])
