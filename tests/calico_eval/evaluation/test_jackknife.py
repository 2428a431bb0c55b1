"""Replicates and their aggregates where a figure exists in some scenes only."""

from __future__ import annotations

import math

import numpy as np

from calico.taxonomy import NUSCENES
from calico_eval.evaluation.conditions import CLEAN, CorruptionCondition
from calico_eval.evaluation.jackknife import compute_half_width, replicate_metrics
from calico_eval.evaluation.plan import EvaluationPlan, Job
from calico_eval.evaluation.summary import summarise_cells
from calico_eval.metrics.matching import DetectionStats
from calico_eval.metrics.segmentation import THRESHOLDS, SegmentationStats
from calico_eval.metrics.suffstats import FrameStats
from calico_eval.metrics.summary import compute_metrics
from reports.schema import Cell, Metric


def stats(found: int, hits: int) -> list[FrameStats]:
    """Three scenes of one frame with 20 cars, `found` of them found; the first alone has a map, of
    IoU hits / 100."""
    n_gt = np.zeros(len(NUSCENES.names), np.int64)
    n_gt[0] = 20
    scores = np.linspace(0.9, 0.5, found, dtype=np.float32)
    boxes = DetectionStats(
        np.zeros(found, np.int64), scores, np.ones((found, 4), bool), np.zeros((found, 5)), n_gt
    )
    seen, none = (
        np.full((len(NUSCENES.map_names), len(THRESHOLDS)), n, np.int64) for n in (hits, 0)
    )
    of_map = SegmentationStats(seen, none, 100 - seen)
    return [FrameStats(f"f{i}", f"s{i}", boxes, of_map if i == 0 else None) for i in range(3)]


def test_without_the_only_scene_with_a_map_its_figures_are_undefined() -> None:
    found = replicate_metrics({"a": stats(10, 60)}, ["a"])
    assert found.full["a"]["mIoU"] == 0.6
    assert [math.isnan(part["a"]["mIoU"]) for part in found.left_out] == [True, False, False]
    assert compute_half_width([part["a"]["mIoU"] for part in found.left_out]) is None


def summary_of(frames: dict[str, list[FrameStats]]) -> dict[str, Metric]:
    """Of an evaluation of two cells, `clean` and `fog`."""
    jobs = (
        Job("clean", CLEAN, "a/torch"),
        Job("fog", CorruptionCondition.at_severity("fog", 1), "a/torch"),
    )
    cells = {
        job.id: Cell(
            id=job.id,
            model="a",
            engine="torch",
            condition=job.condition.describe(),
            seed=0,
            metrics=compute_metrics(frames[job.id]),
        )
        for job in jobs
    }
    plan = EvaluationPlan(jobs, (0, 1, 2), {}, 0, 1)
    return summarise_cells(plan, cells, frames, {"a/torch": ("camera", "lidar")})["a/torch"]


def test_aggregates_of_a_map_in_one_scene_have_a_value_and_no_interval() -> None:
    summary = summary_of({"clean": stats(16, 60), "fog": stats(8, 30)})
    mean = summary["mIoU/mPC"]
    assert (mean.value, mean.lo, mean.method) == (0.3, None, "no interval")
    assert summary["mAP/mPC"].lo is not None


def test_intervals_end_where_the_figures_do() -> None:
    """All is found in one scene of three: mAP is about 0.1 / 3 (one class of ten), 0 without that
    scene, half as much again without another."""
    one = [stats(20, 60)[0], *stats(0, 60)[1:]]
    summary = summary_of({"clean": stats(20, 60), "fog": one})
    mean, rate, lost = (summary[f"mAP/{name}"] for name in ("mPC", "mRR", "RCE"))
    assert (mean.lo, rate.lo, lost.hi) == (0.0, 0.0, 1.0)
    assert mean.value is not None
    assert mean.hi is not None
    assert 1.0 > mean.hi > 2 * mean.value, "half of the interval is larger than the figure"


def test_shares_of_an_evaluation_end_at_one_and_hold_their_value() -> None:
    """Everything is found in both cells: sums of 0.1 and 0.9 are not to round beyond 1."""
    for found in range(1, 21):
        summary = summary_of({"clean": stats(20, 100), "fog": stats(found, 100)})
        for name, metric in summary.items():
            assert metric.value is not None
            if metric.lo is not None and metric.hi is not None:
                assert metric.lo <= metric.value <= metric.hi, (found, name)
            assert not name.endswith(("mPC", "RCE")) or metric.value <= 1, (found, name)
