from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from calico.errors import CalicoError
from calico.predictions import Predictions
from calico.taxonomy import NUSCENES
from calico_eval.metrics.nuscenes import aggregate_detection, class_ranges
from calico_eval.metrics.segmentation import SegmentationStats, segmentation_values
from calico_eval.metrics.suffstats import FrameStats, compute_frame_stats
from calico_eval.metrics.summary import clip_rounding, compute_metrics
from reports.known_metrics import known_metric

KEYS = {
    *("mAP", "mAP_present", "NDS", "mATE", "mASE", "mAOE", "mAVE", "mAAE", "mIoU", "mIoU_present"),
    *(f"AP/{name}" for name in NUSCENES.names),
    *(f"IoU/{name}" for name in NUSCENES.map_names),
}


@pytest.fixture
def stats(random_pair: Callable[..., Any], with_maps: Callable[..., Any]) -> list[FrameStats]:
    rng = np.random.default_rng(0)
    pairs = [random_pair(rng, f"t{i}", scene=f"s{i // 2}", classes=4) for i in range(6)]
    return [compute_frame_stats(*with_maps(rng, pair, classes=5), class_ranges()) for pair in pairs]


def map_figures(stats: list[SegmentationStats]) -> dict[str, float]:
    """Compute the map's figures of frames, by name."""
    sums = (np.sum([getattr(s, name) for s in stats], axis=0) for name in ("tp", "fp", "fn"))
    return segmentation_values(*sums, NUSCENES.map_names)


def test_official_figures_and_counts(stats: list[FrameStats]) -> None:
    metrics, detection = compute_metrics(stats), aggregate_detection([s.detection for s in stats])
    maps = map_figures([s.segmentation for s in stats if s.segmentation])
    assert set(metrics) == KEYS
    for name in ("mAP", "mAP_present", "NDS", "mATE", "mASE", "mAOE", "mAVE", "mAAE"):
        assert metrics[name].value == getattr(detection, name)
        assert metrics[name].n_objects == sum(detection.n_gt.values())
    assert (metrics["mIoU"].value, metrics["mIoU_present"].value) == (
        maps["mIoU"],
        maps["mIoU_present"],
    )
    assert metrics["AP/truck"].value == detection.class_ap["truck"]
    assert metrics["AP/truck"].n_objects == detection.n_gt["truck"]
    assert metrics["IoU/walkway"].value == maps["IoU/walkway"]
    assert {(m.n_frames, m.n_scenes) for m in metrics.values()} == {(6, 3)}
    for metric in metrics.values():
        if metric.value is not None:
            assert metric.lo <= metric.value <= metric.hi
            assert metric.lo >= 0
            assert metric.method.partition("; ")[0] == "scene jackknife, t, 95%"


def test_units_and_directions(stats: list[FrameStats]) -> None:
    metrics = compute_metrics(stats)
    lower = {name for name, metric in metrics.items() if not metric.higher_is_better}
    assert lower == {"mATE", "mASE", "mAOE", "mAVE", "mAAE"}
    assert {name: metrics[name].unit for name in ("mATE", "mAOE", "mAVE")} == {
        "mATE": "m",
        "mAOE": "rad",
        "mAVE": "m/s",
    }
    assert metrics["mASE"].unit == metrics["NDS"].unit == "fraction"


def test_a_class_without_ground_truth_is_undefined_and_lowers_the_official_mean(
    stats: list[FrameStats],
) -> None:
    metrics = compute_metrics(stats)
    barrier = metrics["AP/barrier"]
    assert (barrier.value, barrier.reason, barrier.n_objects) == (
        None,
        "no ground truth objects of class barrier",
        0,
    )
    assert metrics["mAP"].value == pytest.approx(0.4 * metrics["mAP_present"].value)
    divider = metrics["IoU/divider"]
    assert (divider.value, divider.reason) == (
        None,
        "no map cells of class divider in the ground truth",
    )
    assert metrics["mIoU"].value == pytest.approx(5 / 6 * metrics["mIoU_present"].value)


def test_without_intervals_the_values_are_the_same(stats: list[FrameStats]) -> None:
    plain, full = compute_metrics(stats, with_intervals=False), compute_metrics(stats)
    assert {name: m.value for name, m in plain.items()} == {
        name: m.value for name, m in full.items()
    }
    assert {(m.lo, m.hi, m.method) for m in plain.values()} == {(None, None, None)}


def test_without_maps(stats: list[FrameStats]) -> None:
    none = compute_metrics([replace(s, segmentation=None) for s in stats])
    assert set(none) == KEYS
    assert (none["mIoU"].value, none["mIoU"].n_frames) == (None, 0)
    assert none["IoU/walkway"].reason == "no frame has both map masks and a predicted map"
    half = compute_metrics([replace(stats[0], segmentation=None), *stats[1:]])
    assert (half["mIoU"].n_frames, half["mAP"].n_frames) == (5, 6)


def test_nothing_predicted_and_nothing_there(random_pair: Callable[..., Any]) -> None:
    rng = np.random.default_rng(0)
    empty = compute_frame_stats(*random_pair(rng, "t", objects=0), class_ranges())
    metrics = compute_metrics([empty, replace(empty, token="u")])
    assert (metrics["mAP"].value, metrics["NDS"].value, metrics["mATE"].value) == (0, 0, 1)
    assert metrics["mAP_present"].reason == "no ground truth objects"


def test_no_frames() -> None:
    with pytest.raises(CalicoError, match="no frames"):
        compute_metrics([])


def test_shares_end_at_one_and_hold_their_value(
    random_pair: Callable[..., Any], with_maps: Callable[..., Any]
) -> None:
    """A model that answers the ground truth: (1 - 0.1) / 0.9 and 1 - a / a are not to round beyond
    1 or below 0."""
    for seed in range(30):
        rng, stats = np.random.default_rng(seed), []
        for index in range(4):
            pair = random_pair(rng, f"t{index}", scene=f"s{index}", classes=1 + seed % 10)
            frame, _ = with_maps(rng, pair)
            truth = frame.boxes.select(frame.boxes.num_points != 0)
            found = Predictions(
                np.nan_to_num(truth.boxes),
                rng.random(len(truth.labels)).astype(np.float32),
                truth.labels,
                frame.map_masks.astype(np.float32),
                truth.attributes,
            )
            stats.append(compute_frame_stats(frame, found, class_ranges()))
        metrics = compute_metrics(stats)
        assert metrics["AP/car"].value is None or metrics["AP/car"].value == pytest.approx(1)
        assert metrics["mIoU"].value == 1
        for name, metric in metrics.items():
            if metric.value is None:
                continue
            assert metric.value >= 0, (seed, name)
            assert metric.unit != "fraction" or metric.value <= 1, (seed, name)
            assert metric.lo is None or metric.lo <= metric.value <= metric.hi, (seed, name)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1.0000000000000004, 1.0), (-2e-16, 0.0), (0.5, 0.5), (1.001, 1.001), (-0.001, -0.001)],
)
def test_rounding_past_a_limit_is_clipped_and_a_fault_is_not(value: float, expected: float) -> None:
    known = known_metric("mAP")
    assert known is not None
    assert clip_rounding(known, value) == expected
