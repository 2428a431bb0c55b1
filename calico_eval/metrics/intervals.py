"""Confidence intervals of pooled metrics: the delete-a-group jackknife over scenes with Student's t.

Frames of one scene are alike, so scenes are what is left out. Where there is one scene, frames are left out instead; the
interval then says nothing about other scenes, and `method` says so. The scenes are dealt into at most 50 groups, so that up
to 50 scenes each group is one scene. Each group in turn is left out, and every metric is computed again from the remaining
pooled frames. With theta_i the figure without group i and n the number of groups,

    standard error = sqrt((n - 1) / n * sum_i (theta_i - mean)^2)      (Efron and Tibshirani 1993, ch. 11; Shao and Tu 1995, 2.3)

and the interval is the figure plus and minus t(n - 1) times that. Two cells are compared by the same groups left out of
both, which cancels what the scenes have in common. How often the intervals hold the truth was
measured: docs/reference/metrics.md.

A class without ground truth in a replicate has AP 0 in that replicate's mAP, as the devkit has it: a class that occurs in
one scene only widens the interval. For the class's own figure, t's degrees of freedom are the groups with that class minus
1, and with fewer than two of those there is no interval. No resampling can know of classes that these scenes lack, so the
`method` of a mean over classes names the classes that fewer than 3 scenes have.
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

LEVEL = 0.95
RARE = 3
"""A class that fewer scenes have is named in the method of the means over classes."""
_MAP_MEANS = ("mIoU", "mIoU_present")
_DETECTION_MEANS = ("mAP", "mAP_present", "NDS", "mATE", "mASE", "mAOE", "mAVE", "mAAE")


@dataclass(frozen=True)
class Interval:
    """A figure with its interval. value is NaN where undefined; lo and hi are None where there is no interval."""

    value: float
    lo: float | None
    hi: float | None
    standard_error: float | None
    method: str


def intervals(stats: Sequence[FrameStats]) -> dict[str, Interval]:
    """Every figure by name with its interval. The map's figures are absent if no frame has a map.

    Raises:
        CalicoError: no frames.
    """
    pool, groups = StatsPool.of(stats), deal_groups([s.scene for s in stats])
    found = _intervals(
        pool.values(), as_arrays(pool.replicates(groups)), pool.support(groups), groups
    )
    of_objects, of_map = (_rare_classes(counts, groups) for counts in pool.groups_per_class(groups))
    for names, note in ((_DETECTION_MEANS, of_objects), (_MAP_MEANS, of_map)):
        for name in names:
            if note and name in found and found[name].lo is not None:
                found[name] = replace(found[name], method=f"{found[name].method}; {note}")
    return found


def paired_difference(
    first: Sequence[FrameStats], second: Sequence[FrameStats]
) -> dict[str, Interval]:
    """first minus second, by name, with the interval of the difference: the same scenes are left out of both.

    Args:
        first: Statistics of one model or condition.
        second: Statistics of another one on the same frames in the same order.

    Raises:
        CalicoError: no frames, or the frames or their ground truth differ.
    """
    _check_same_frames(first, second)
    pools, groups = (
        (StatsPool.of(first), StatsPool.of(second)),
        deal_groups([s.scene for s in first]),
    )
    values, rows = (
        [pool.values() for pool in pools],
        [as_arrays(pool.replicates(groups)) for pool in pools],
    )
    names = [name for name in values[0] if name in values[1]]
    return _intervals(
        {name: values[0][name] - values[1][name] for name in names},
        {name: rows[0][name] - rows[1][name] for name in names if name in rows[0]},
        pools[0].support(groups),
        groups,
    )


def pooled_values(stats: Sequence[FrameStats]) -> dict[str, float]:
    """Every figure by name, without interval; NaN where undefined. Raises CalicoError without frames."""
    return StatsPool.of(stats).values()


def ratio_interval(counts: Int64, scenes: Sequence[str]) -> Interval:
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


def standard_error(replicates: Float64) -> float:
    """The jackknife's standard error of a figure from its value without each group (R,)."""
    count = len(replicates)
    return float(np.sqrt((count - 1) / count * ((replicates - replicates.mean()) ** 2).sum()))


def student(groups: int) -> float:
    """How many standard errors half of an interval is with so many groups."""
    return float(stdtrit(groups - 1, (1 + LEVEL) / 2))


def method_of(groups: Groups) -> str:
    """Says how an interval from these groups was made, e.g. `scene jackknife, t, 95%`."""
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
    error = standard_error(replicates)
    half = student(support) * error
    return Interval(value, value - half, value + half, error, method_of(groups))


def _rare_classes(counts: Mapping[str, int], groups: Groups) -> str:
    """Names the classes that the interval of a mean over classes knows too little of; empty where there are none."""
    absent = [name for name, count in counts.items() if count == 0]
    rare = [name for name, count in counts.items() if 0 < count < RARE]
    parts = ([f"in fewer than {RARE} {groups.name}s: {', '.join(rare)}"] if rare else []) + (
        [f"in none: {', '.join(absent)}"] if absent else []
    )
    return ", ".join(parts)


def _check_same_frames(first: Sequence[FrameStats], second: Sequence[FrameStats]) -> None:
    if len(first) != len(second):
        raise CalicoError(
            f"paired difference: got {len(first)} and {len(second)} frames, expected the same frames"
        )
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
