"""Metrics of two classes of one's own, against numbers worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calico.errors import CalicoError
from calico.frame import Boxes, Frame
from calico.predictions import Predictions
from calico.taxonomy import KITTI, NUSCENES, MapClass, ObjectClass, Taxonomy
from calico_eval.metrics.from_boxes import detection_metrics
from calico_eval.metrics.intervals import pooled_values
from calico_eval.metrics.suffstats import compute_frame_stats, load_stats, save_stats
from calico_eval.metrics.summary import compute_metrics

HARBOUR = Taxonomy(
    "harbour",
    (
        ObjectClass("ferry", 20.0, attributes=("moored", "sailing"), symmetric=True),
        ObjectClass("bird", 50.0, undefined_errors=("AVE", "AAE")),
    ),
    (MapClass("water"), MapClass("pier")),
    ("moored", "sailing"),
)
FERRY = [10.0, 0.0, 0.0, 8.0, 3.0, 4.0, 0.5, 2.0, 0.0]
BIRD = [5.0, 0.0, 2.0, 0.5, 0.5, 0.5, 1.0, 0.0, 0.0]
UNDEFINED = "no class of the taxonomy defines this error"


def moved(box: list[float], **changes: float) -> list[float]:
    names = ("x", "y", "z", "length", "width", "height", "yaw", "vx", "vy")
    return [changes.get(name, value) for name, value in zip(names, box, strict=True)]


def test_two_classes_by_hand() -> None:
    """The ferry is found, turned by pi (alike for a ferry) and 1 m/s too fast to the side.

    The bird is 0.7 m off, a hit at three of the four distances, and turned by 0.2 rad. Sizes are
    right. Speeds of birds do not count, so that the mean speed error is the ferry's. The ferry
    sails, and the model says nothing of attributes, which its speed of more than 0.2 m/s makes
    right.
    """
    found = [moved(FERRY, yaw=0.5 + np.pi, vy=1.0), moved(BIRD, x=5.7, yaw=1.2, vx=9.0)]
    scores = detection_metrics(
        [(found, [0.9, 0.8], [0, 1])], [([FERRY, BIRD], [0, 1], [1, -1])], taxonomy=HARBOUR
    )
    assert set(scores) == {
        "mAP",
        "mAP_present",
        "NDS",
        "mATE",
        "mASE",
        "mAOE",
        "mAVE",
        "mAAE",
        "AP/ferry",
        "AP/bird",
    }
    assert scores["AP/ferry"] == pytest.approx(1.0)
    assert scores["AP/bird"] == pytest.approx(0.75)
    assert scores["mAP"] == pytest.approx(0.875)
    assert scores["mATE"] == pytest.approx((0 + 0.7) / 2)
    assert scores["mASE"] == pytest.approx(0.0, abs=1e-9)
    assert scores["mAOE"] == pytest.approx((0 + 0.2) / 2)
    assert scores["mAVE"] == pytest.approx(1.0)
    assert scores["mAAE"] == pytest.approx(0.0)
    assert scores["NDS"] == pytest.approx((5 * 0.875 + 0.65 + 1 + 0.9 + 0 + 1) / 10)


def test_an_error_that_no_class_defines_is_left_out_of_the_score() -> None:
    """KITTI has neither speeds nor attributes: NDS rests on mAP and the three other errors."""
    car = [[10.0, 0, 0, 4, 2, 1.5, 0]]
    scores = detection_metrics([(car, [0.9], [0])], [(car, [0])], taxonomy=KITTI)
    assert scores["AP/Car"] == pytest.approx(1.0)
    assert scores["mAP"] == pytest.approx(1 / 3)
    for name in ("mAVE", "mAAE"):
        assert np.isnan(scores[name])
        assert scores.metric(name).reason == UNDEFINED
    # Two of three classes have no objects, whose errors count 1.
    assert scores["mATE"] == pytest.approx(2 / 3)
    assert scores["NDS"] == pytest.approx((5 / 3 + 3 * (1 - 2 / 3)) / 8)


def test_the_range_of_the_class_counts() -> None:
    """A ferry at 20 m is beyond its range, a bird there is not."""
    far = [moved(FERRY, x=20.0), moved(BIRD, x=20.0)]
    scores = detection_metrics([(far, [0.9, 0.8], [0, 1])], [(far, [0, 1])], taxonomy=HARBOUR)
    assert np.isnan(scores["AP/ferry"])
    assert scores["AP/bird"] == pytest.approx(1.0)


def test_labels_beyond_the_classes_are_refused() -> None:
    with pytest.raises(CalicoError, match=r"got label 2, expected 0\.\.1"):
        detection_metrics([([FERRY], [0.9], [2])], [([FERRY], [0])], taxonomy=HARBOUR)


def frame_with_map(token: str) -> tuple[Frame, Predictions]:
    """Water: 3 of 4 cells found and one false alarm. Pier: nothing there, nothing predicted."""
    boxes = Boxes(
        np.array([FERRY], np.float32), np.array([0]), np.array([0]), np.array([5]), ("one",)
    )
    masks, probs = np.zeros((2, 3, 3), np.bool_), np.zeros((2, 3, 3), np.float32)
    masks[0, :2, :2] = True
    probs[0, 0, :] = 0.9
    probs[0, 1, 0] = 0.9
    frame = Frame.of_labels(token, token, 0.0, np.eye(4), np.eye(4), boxes, HARBOUR)
    answer = Predictions(
        np.array([FERRY], np.float32), np.array([0.9], np.float32), np.array([0]), probs
    )
    return frame.replace(map_masks=masks), answer


def test_map_classes_by_hand_and_through_a_file(tmp_path: Path) -> None:
    stats = [compute_frame_stats(*frame_with_map(f"f{i}"), HARBOUR.ranges()) for i in range(3)]
    save_stats(tmp_path / "frames.parquet", stats, "cell")
    again = load_stats(tmp_path / "frames.parquet", "cell")
    assert again[0].detection.taxonomy == HARBOUR
    for one in (stats, again):
        metrics = compute_metrics(one)
        assert metrics["IoU/water"].value == pytest.approx(3 / 5)
        assert metrics["IoU/pier"].reason == "no map cells of class pier in the ground truth"
        assert metrics["mIoU"].value == pytest.approx(0.3)
        assert metrics["mIoU_present"].value == pytest.approx(0.6)
        assert metrics["AP/ferry"].n_objects == 3
    assert pooled_values(again) == pytest.approx(pooled_values(stats), nan_ok=True)


def test_frames_of_two_taxonomies_are_not_pooled() -> None:
    frame, answer = frame_with_map("a")
    other = Frame.of_labels("b", "b", 0.0, np.eye(4), np.eye(4), Boxes.empty())
    stats = [
        compute_frame_stats(frame, answer, HARBOUR.ranges()),
        compute_frame_stats(other, answer, NUSCENES.ranges()),
    ]
    with pytest.raises(CalicoError, match="frames of taxonomy harbour and of another, nuscenes"):
        pooled_values(stats)
