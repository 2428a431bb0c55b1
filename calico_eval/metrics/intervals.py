"""Confidence intervals of pooled metrics: the delete-a-group jackknife with Student's t.

Frames of one scene are alike, so scenes are left out. With only one scene, frames are left out
instead; then the interval says nothing about other scenes, and `method` says so. The scenes are
dealt into at most 50 groups, so that up to 50 scenes each group is one scene. Each group in turn is
left out, and every metric is computed again from the remaining pooled frames. With theta_i the
figure without group i and n the number of groups,

    standard error = sqrt((n - 1) / n * sum_i (theta_i - mean)^2)

and the interval is the figure plus and minus t(n - 1) times the standard error. Two cells are
compared by the same groups left out of both, which cancels what the scenes have in common. How
often
the intervals hold the truth was measured: docs/reference/metrics.md.

A class without ground truth in a replicate has AP 0 in that replicate's mAP, as in the devkit: a
class that occurs in one scene only widens the interval. For the class's own figure, the degrees of
freedom are the number of groups with that class minus 1. With fewer than two such groups there is
no interval. No resampling knows classes that these scenes lack, so the `method` of a mean over
classes names the classes that fewer than 3 scenes have.

Source: Efron and Tibshirani 1993, chapter 11; Shao and Tu 1995, section 2.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtrit

from calico.errors import CalicoError
from calico.frame import Float64, Int64
from calico_eval.metrics.pool import Groups, StatsPool, as_arrays, deal_groups
from calico_eval.metrics.suffstats import FrameStats
from calico_eval.metrics.waymo.figures import list_figures

LEVEL = 0.95
RARE = 3
"""Number of scenes below which a class is named in the method of the means over classes."""
_MAP_MEANS = ("mIoU", "mIoU_present")
_DETECTION_MEANS = ("mAP", "mAP_present", "NDS", "mATE", "mASE", "mAOE", "mAVE", "mAAE")
_WAYMO_MEANS = tuple(
    one.name for tolerant in (False, True) for one in list_figures((), tolerant=tolerant)
)


@dataclass(frozen=True)
class Interval:
    """A figure with its interval.

    Attributes:
        value: The figure, NaN if undefined.
        lo: Lower end, or None without an interval.
        hi: Upper end, or None without an interval.
        standard_error: Half of the width divided by t, or None without an interval.
        method: How the interval was made, or why it is missing.
    """

    value: float
    lo: float | None
    hi: float | None
    standard_error: float | None
    method: str


def compute_intervals(stats: Sequence[FrameStats]) -> dict[str, Interval]:
    """Compute every figure by name with its interval.

    The map's figures are absent if no frame has a map.

    Raises:
        CalicoError: There are no frames.
    """
    pool, groups = StatsPool.from_frames(stats), deal_groups([s.scene for s in stats])
    found = _intervals(
        pool.compute_values(),
        as_arrays(pool.compute_replicates(groups)),
        pool.count_support(groups),
        groups,
    )
    of_objects, of_map = (
        _rare_classes(counts, groups) for counts in pool.count_groups_per_class(groups)
    )
    for names, note in (((*_DETECTION_MEANS, *_WAYMO_MEANS), of_objects), (_MAP_MEANS, of_map)):
        for name in names:
            if note and name in found and found[name].lo is not None:
                found[name] = replace(found[name], method=f"{found[name].method}; {note}")
    return found


def paired_difference(
    first: Sequence[FrameStats], second: Sequence[FrameStats]
) -> dict[str, Interval]:
    """Compute first minus second, by name, with the interval of the difference.

    The same scenes are left out of both.

    Args:
        first: Statistics of one model or condition.
        second: Statistics of another one on the same frames in the same order.

    Raises:
        CalicoError: There are no frames, or the frames or their ground truth differ.
    """
    _check_same_frames(first, second)
    pools, groups = (
        (StatsPool.from_frames(first), StatsPool.from_frames(second)),
        deal_groups([s.scene for s in first]),
    )
    values, rows = (
        [pool.compute_values() for pool in pools],
        [as_arrays(pool.compute_replicates(groups)) for pool in pools],
    )
    names = [name for name in values[0] if name in values[1]]
    return _intervals(
        {name: values[0][name] - values[1][name] for name in names},
        {name: rows[0][name] - rows[1][name] for name in names if name in rows[0]},
        pools[0].count_support(groups),
        groups,
    )


def pooled_values(stats: Sequence[FrameStats]) -> dict[str, float]:
    """Compute every figure by name, without interval; NaN if undefined.

    Raises:
        CalicoError: There are no frames.
    """
    return StatsPool.from_frames(stats).compute_values()


def ratio_interval(counts: Int64, scenes: Sequence[str]) -> Interval:
    """Compute a ratio of sums over frames, e.g. successes of trials, with its interval.

    The result is the plain mean of the P ratios. A ratio whose denominators are all 0 is left out.
    The mean is NaN if all are. There is no interval if every scene has the same ratio, for example
    no success at all, because no resampling could then show another.

    Args:
        counts: (F, P, 2) numerators and denominators of each frame.
        scenes: (F,) scene of each frame.

    Raises:
        CalicoError: There are no frames.
    """
    if len(counts) == 0:
        raise CalicoError("ratio: got no frames, expected at least one")
    counts = counts[:, counts[..., 1].any(axis=0)]
    if counts.shape[1] == 0:
        return Interval(float("nan"), None, None, None, "no interval: undefined")
    groups = deal_groups(scenes)
    per_group = np.zeros((groups.count, *counts.shape[1:]), np.int64)
    np.add.at(per_group, groups.of_frame, counts)
    total = counts.sum(axis=0)
    value = float((total[:, 0] / total[:, 1]).mean())
    if (per_group[..., 0] * total[:, 1] == per_group[..., 1] * total[:, 0]).all():
        return Interval(value, None, None, None, "no interval: the same in all scenes")
    rest = total - per_group
    ratios = np.divide(
        rest[..., 0], rest[..., 1], out=np.full(rest.shape[:2], np.nan), where=rest[..., 1] > 0
    )
    support = int((per_group[..., 1] > 0).sum(axis=0).min())
    return _interval(value, ratios.mean(axis=1), support, groups, "trials")


def compute_standard_error(replicates: Float64) -> float:
    """Compute the jackknife's standard error of a figure from its value without each group (R,)."""
    count = len(replicates)
    return float(np.sqrt((count - 1) / count * ((replicates - replicates.mean()) ** 2).sum()))


def compute_t_factor(groups: int) -> float:
    """Compute how many standard errors half of an interval is, for a number of groups."""
    return float(stdtrit(groups - 1, (1 + LEVEL) / 2))


def describe_method(groups: Groups) -> str:
    """Describe how an interval from these groups is made, e.g. `scene jackknife, t, 95%`."""
    several = f", {groups.count} groups" if groups.name == "group" else ""
    alone = " (one scene)" if groups.unit == "frame" else ""
    return f"{groups.unit} jackknife{several}, t, {LEVEL:.0%}{alone}"


def _intervals(
    values: Mapping[str, float],
    replicates: Mapping[str, Float64],
    support: Mapping[str, int],
    groups: Groups,
) -> dict[str, Interval]:
    nothing = np.zeros(0)
    return {
        name: _interval(v, replicates.get(name, nothing), support[name], groups)
        for name, v in values.items()
    }


def _interval(
    value: float, replicates: Float64, support: int, groups: Groups, counted: str = "ground truth"
) -> Interval:
    if np.isnan(value):
        return Interval(value, None, None, None, "no interval: undefined")
    if support < 2:
        return Interval(value, None, None, None, f"no interval: {counted} in one {groups.name}")
    error = compute_standard_error(replicates)
    half = compute_t_factor(support) * error
    return Interval(value, value - half, value + half, error, describe_method(groups))


def _rare_classes(counts: Mapping[str, int], groups: Groups) -> str:
    """Name the classes that the interval of a mean over classes knows too little of."""
    absent = [name for name, count in counts.items() if count == 0]
    rare = [name for name, count in counts.items() if 0 < count < RARE]
    parts = ([f"in fewer than {RARE} {groups.name}s: {', '.join(rare)}"] if rare else []) + (
        [f"in none: {', '.join(absent)}"] if absent else []
    )
    return ", ".join(parts)


def _check_same_frames(first: Sequence[FrameStats], second: Sequence[FrameStats]) -> None:
    if len(first) != len(second):
        raise CalicoError(
            f"paired difference: got {len(first)} and {len(second)} frames, expected the same "
            "frames"
        )
    for a, b in zip(first, second, strict=True):
        if (a.token, a.scene) != (b.token, b.scene):
            raise CalicoError(
                f"paired difference: got frame {a.token} ({a.scene}) against {b.token} "
                f"({b.scene}), expected the same "
                "frames in the same order"
            )
        if not np.array_equal(a.detection.n_gt, b.detection.n_gt):
            raise CalicoError(
                f"paired difference: frame {a.token} has {int(a.detection.n_gt.sum())} and "
                f"{int(b.detection.n_gt.sum())} "
                "objects; expected the same ground truth and class ranges"
            )
