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
from calico_eval.metrics.segmentation import aggregate_segmentation
from calico_eval.metrics.suffstats import FrameStats, frame_stats
from calico_eval.metrics.summary import metrics_of

KEYS = {
    *("mAP", "mAP_present", "NDS", "mATE", "mASE", "mAOE", "mAVE", "mAAE", "mIoU", "mIoU_present"),
    *(f"AP/{name}" for name in NUSCENES.names),
    *(f"IoU/{name}" for name in NUSCENES.map_names),
}


@pytest.fixture
def stats(random_pair: Callable[..., Any], with_maps: Callable[..., Any]) -> list[FrameStats]:
    rng = np.random.default_rng(0)
    pairs = [random_pair(rng, f"t{i}", scene=f"s{i // 2}", classes=4) for i in range(6)]
    return [frame_stats(*with_maps(rng, pair, classes=5), class_ranges()) for pair in pairs]


def test_official_figures_and_counts(stats: list[FrameStats]) -> None:
    metrics, detection = metrics_of(stats), aggregate_detection([s.detection for s in stats])
    maps = aggregate_segmentation([s.segmentation for s in stats if s.segmentation])
    assert set(metrics) == KEYS
    for name in ("mAP", "mAP_present", "NDS", "mATE", "mASE", "mAOE", "mAVE", "mAAE"):
        assert metrics[name].value == getattr(detection, name)
        assert metrics[name].n_objects == sum(detection.n_gt.values())
    assert (metrics["mIoU"].value, metrics["mIoU_present"].value) == (maps.mIoU, maps.mIoU_present)
    assert metrics["AP/truck"].value == detection.class_ap["truck"]
    assert metrics["AP/truck"].n_objects == detection.n_gt["truck"]
    assert metrics["IoU/walkway"].value == maps.iou["walkway"]
    assert {(m.n_frames, m.n_scenes) for m in metrics.values()} == {(6, 3)}
    for metric in metrics.values():
        if metric.value is not None:
            assert metric.lo <= metric.value <= metric.hi
            assert metric.lo >= 0
            assert metric.method.partition("; ")[0] == "scene jackknife, t, 95%"


def test_units_and_directions(stats: list[FrameStats]) -> None:
    metrics = metrics_of(stats)
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
    metrics = metrics_of(stats)
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
    plain, full = metrics_of(stats, with_intervals=False), metrics_of(stats)
    assert {name: m.value for name, m in plain.items()} == {
        name: m.value for name, m in full.items()
    }
    assert {(m.lo, m.hi, m.method) for m in plain.values()} == {(None, None, None)}


def test_without_maps(stats: list[FrameStats]) -> None:
    none = metrics_of([replace(s, segmentation=None) for s in stats])
    assert set(none) == KEYS
    assert (none["mIoU"].value, none["mIoU"].n_frames) == (None, 0)
    assert none["IoU/walkway"].reason == "no frame has both map masks and a predicted map"
    half = metrics_of([replace(stats[0], segmentation=None), *stats[1:]])
    assert (half["mIoU"].n_frames, half["mAP"].n_frames) == (5, 6)


def test_nothing_predicted_and_nothing_there(random_pair: Callable[..., Any]) -> None:
    rng = np.random.default_rng(0)
    empty = frame_stats(*random_pair(rng, "t", objects=0), class_ranges())
    metrics = metrics_of([empty, replace(empty, token="u")])
    assert (metrics["mAP"].value, metrics["NDS"].value, metrics["mATE"].value) == (0, 0, 1)
    assert metrics["mAP_present"].reason == "no ground truth objects"


def test_no_frames() -> None:
    with pytest.raises(CalicoError, match="no frames"):
        metrics_of([])


def test_shares_end_at_one_and_hold_their_value(
    random_pair: Callable[..., Any], with_maps: Callable[..., Any]
) -> None:
    """A model that answers the ground truth: (1 - 0.1) / 0.9 and 1 - a / a are not to round beyond 1 or below 0."""
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
            stats.append(frame_stats(frame, found, class_ranges()))
        metrics = metrics_of(stats)
        assert metrics["AP/car"].value is None or metrics["AP/car"].value == pytest.approx(1)
        assert metrics["mIoU"].value == 1
        for name, metric in metrics.items():
            if metric.value is None:
                continue
            assert metric.value >= 0, (seed, name)
            assert metric.unit != "fraction" or metric.value <= 1, (seed, name)
            assert metric.lo is None or metric.lo <= metric.value <= metric.hi, (seed, name)
