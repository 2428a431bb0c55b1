"""Confidence intervals of pooled metrics: scenes are resampled, and every metric is recomputed from the pooled frames.

Frames of a scene are alike, so that scenes are the clusters; with one scene, frames are (then the interval says nothing
about other scenes, and `method` says so). Below 20 clusters: delete-one jackknife with Student's t (Efron and Tibshirani
1993, ch. 11), standard error sqrt((n - 1) / n * sum (theta_i - mean)^2). From 20 on: percentile bootstrap, 500 replicates
(ibid., ch. 13). Two cells are compared by the same resampling of both, which cancels what the scenes have in common.

A class without ground truth in a replicate has AP 0 in that replicate's mAP, as the devkit has it: a class that occurs in
one scene only widens the interval. For the class's own figure such replicates do not count, t's degrees of freedom are
the clusters with that class minus 1, and with fewer than two of those there is no interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from calico.errors import CalicoError
from calico.frame import Bool, Float64, Int64
from calico.seeds import generator
from calico.taxonomy import DETECTION_CLASSES, MAP_CLASSES
from calico_eval.metrics.nuscenes import DetectionPool, detection_values, pool_detection
from calico_eval.metrics.segmentation import THRESHOLDS, segmentation_values
from calico_eval.metrics.suffstats import FrameStats

BOOTSTRAP_FROM = 20
"""Clusters from which on the bootstrap is used instead of the jackknife."""
REPLICATES = 500
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A figure with its interval. value is NaN where undefined; lo and hi are None where there is no interval."""

    value: float
    lo: float | None
    hi: float | None
    standard_error: float | None
    method: str


@dataclass(frozen=True)
class Resampling:
    """Which frames each replicate counts how often.

    clusters: (F,) cluster of each frame. weights: (R, C) times that a replicate counts a cluster. kind: jackknife or bootstrap.
    unit: what the clusters are.
    """

    clusters: Int64
    weights: Int64
    kind: str
    unit: str

    @property
    def n_clusters(self) -> int:
        """C."""
        return int(self.weights.shape[1])


def resampling(scenes: Sequence[str], seed: int = 0) -> Resampling:
    """Clusters by scene (frames where there is one scene), and the replicates' weights; the same for equal arguments."""
    names, clusters = np.unique(np.array(scenes, dtype=np.str_), return_inverse=True)
    unit = "scene"
    if len(names) == 1:
        clusters, unit = np.arange(len(scenes)), "frame"
    n = int(clusters.max()) + 1
    if n < BOOTSTRAP_FROM:
        weights, kind = 1 - np.eye(n, dtype=np.int64), "jackknife"
    else:
        draws = generator(seed, "metrics", "bootstrap", n).multinomial(n, np.full(n, 1 / n), size=REPLICATES)
        weights, kind = draws.astype(np.int64), "bootstrap"
    return Resampling(clusters.astype(np.int64), weights, kind, unit)


def intervals(stats: Sequence[FrameStats], *, seed: int = 0) -> dict[str, Interval]:
    """Every figure by name with its interval. The map's figures are absent if no frame has a map.

    Raises:
        CalicoError: no frames.
    """
    pool, plan = _Pool.of(stats), resampling([s.scene for s in stats], seed)
    values, replicates, support = pool.values(), pool.replicates(plan), pool.support(plan)
    return {name: _interval(value, replicates[name], plan, support[name]) for name, value in values.items()}


def paired_difference(
    first: Sequence[FrameStats], second: Sequence[FrameStats], *, seed: int = 0
) -> dict[str, Interval]:
    """first minus second, by name, with the interval of the difference: both are resampled with the same scenes.

    Args:
        first, second: two models or conditions on the same frames in the same order.

    Raises:
        CalicoError: no frames, or the frames or their ground truth differ.
    """
    _check_same_frames(first, second)
    pools, plan = (_Pool.of(first), _Pool.of(second)), resampling([s.scene for s in first], seed)
    values, replicates = [pool.values() for pool in pools], [pool.replicates(plan) for pool in pools]
    support = pools[0].support(plan)
    return {
        name: _interval(
            values[0][name] - values[1][name], replicates[0][name] - replicates[1][name], plan, support[name]
        )
        for name in values[0]
        if name in values[1]
    }


def pooled_values(stats: Sequence[FrameStats]) -> dict[str, float]:
    """Every figure by name, without interval; NaN where undefined. Raises CalicoError without frames."""
    return _Pool.of(stats).values()


def ratio_interval(counts: Int64, scenes: Sequence[str], *, seed: int = 0) -> Interval:
    """A ratio of sums over frames, e.g. successes of trials, with its interval; of P ratios, their plain mean.

    A ratio whose denominators are all 0 is left out of the mean; NaN where all are. No interval where every scene has the same
    ratio, e.g. no success at all: no resampling could then show another.

    Args:
        counts: (F, P, 2) numerators and denominators of each frame.
        scenes: (F,) of the frames.

    Raises:
        CalicoError: no frames.
    """
    if len(counts) == 0:
        raise CalicoError("ratio: got no frames, expected at least one")
    counts = counts[:, counts[..., 1].any(axis=0)]
    if counts.shape[1] == 0:
        return Interval(float("nan"), None, None, None, "no interval: undefined")
    plan = resampling(scenes, seed)
    per_cluster = np.zeros((plan.n_clusters, *counts.shape[1:]), np.int64)
    np.add.at(per_cluster, plan.clusters, counts)
    total = counts.sum(axis=0)
    value = float((total[:, 0] / total[:, 1]).mean())
    if (per_cluster[..., 0] * total[:, 1] == per_cluster[..., 1] * total[:, 0]).all():
        return Interval(value, None, None, None, "no interval: the same in all scenes")
    sums = np.tensordot(plan.weights, per_cluster, axes=(1, 0))
    ratios = np.divide(sums[..., 0], sums[..., 1], out=np.full(sums.shape[:2], np.nan), where=sums[..., 1] > 0)
    support = int((per_cluster[..., 1] > 0).sum(axis=0).min())
    return _interval(value, ratios.mean(axis=1), plan, support, "trials")


@dataclass(frozen=True)
class _Pool:
    """detection: pooled predictions. cells: (3, F, 6, 7) tp, fp, fn per frame, 0 without a map. has_map: (F,)."""

    detection: DetectionPool
    cells: Int64
    has_map: Bool

    @staticmethod
    def of(stats: Sequence[FrameStats]) -> _Pool:
        cells = np.zeros((3, len(stats), len(MAP_CLASSES), len(THRESHOLDS)), np.int64)
        for index, frame in enumerate(stats):
            if frame.segmentation is not None:
                cells[:, index] = frame.segmentation.tp, frame.segmentation.fp, frame.segmentation.fn
        has_map = np.array([frame.segmentation is not None for frame in stats], np.bool_)
        return _Pool(pool_detection([frame.detection for frame in stats]), cells, has_map)

    def values(self, weights: Int64 | None = None) -> dict[str, float]:
        """Every figure, with frame f counted weights[f] times."""
        ones = np.ones(len(self.has_map), np.int64) if weights is None else weights
        values = detection_values(*self.detection.evaluate(weights), ones @ self.detection.n_gt)
        if not self.has_map.any():
            return values
        return values | segmentation_values(*np.tensordot(ones, self.cells, axes=(0, 1)))

    def replicates(self, plan: Resampling) -> dict[str, Float64]:
        """Every figure, one value per replicate (R,)."""
        rows = [self.values(weights[plan.clusters]) for weights in plan.weights]
        return {name: np.array([row[name] for row in rows]) for name in rows[0]}

    def support(self, plan: Resampling) -> dict[str, int]:
        """Every figure's number of clusters with ground truth: of the class, of any class (`_present`), of any map, or (official
        detection means) all."""

        def clusters(frames: Bool) -> int:
            return len(np.unique(plan.clusters[frames]))

        objects, cells = self.detection.n_gt > 0, (self.cells[0] + self.cells[2])[..., 0] > 0
        counts = dict.fromkeys(self.values(), plan.n_clusters) | {
            "mIoU": clusters(self.has_map),
            "mAP_present": clusters(self.detection.n_gt.sum(axis=1) > 0),
            "mIoU_present": clusters(cells.any(axis=1)),
        }
        counts |= {f"AP/{name}": clusters(objects[:, index]) for index, name in enumerate(DETECTION_CLASSES)}
        return counts | {f"IoU/{name}": clusters(cells[:, index]) for index, name in enumerate(MAP_CLASSES)}


def _interval(
    value: float, replicates: Float64, plan: Resampling, support: int, counted: str = "ground truth"
) -> Interval:
    if np.isnan(value):
        return Interval(value, None, None, None, "no interval: undefined")
    if support < 2:
        return Interval(value, None, None, None, f"no interval: {counted} in one {plan.unit}")
    note = " (one scene)" if plan.unit == "frame" else ""
    if plan.kind == "jackknife":
        n = plan.n_clusters
        error = float(np.sqrt((n - 1) / n * ((replicates - replicates.mean()) ** 2).sum()))
        half = float(stdtrit(support - 1, (1 + LEVEL) / 2)) * error
        return Interval(value, value - half, value + half, error, f"{plan.unit} jackknife, t, {LEVEL:.0%}{note}")
    known = replicates[~np.isnan(replicates)]
    lo, hi = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    method = f"{plan.unit} bootstrap, {len(known)} replicates, percentile, {LEVEL:.0%}{note}"
    return Interval(value, float(lo), float(hi), float(known.std(ddof=1)), method)


def _check_same_frames(first: Sequence[FrameStats], second: Sequence[FrameStats]) -> None:
    if len(first) != len(second):
        raise CalicoError(f"paired difference: got {len(first)} and {len(second)} frames, expected the same frames")
    for a, b in zip(first, second, strict=True):
        if (a.token, a.scene) != (b.token, b.scene):
            raise CalicoError(
                f"paired difference: got frame {a.token} ({a.scene}) against {b.token} ({b.scene}), expected the same "
                "frames in the same order"
            )
        if not np.array_equal(a.detection.n_gt, b.detection.n_gt):
            raise CalicoError(
                f"paired difference: frame {a.token} has {int(a.detection.n_gt.sum())} and {int(b.detection.n_gt.sum())} "
                "objects; expected the same ground truth and class ranges"
            )
