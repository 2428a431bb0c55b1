"""Intervals of what is computed from many cells at once: delete-a-group jackknife with Student's t (Shao and Tu 1995, 2.3).

The scenes (the frames where there is one scene) are dealt into at most 20 groups; each group in turn is left out of every
cell at once, the clean one included. So what the cells have in common cancels in ratios.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from calico_eval.metrics.intervals import pooled_values
from calico_eval.metrics.suffstats import FrameStats

GROUPS = 20
LEVEL = 0.95

Values = Mapping[str, Mapping[str, float]]
"""Cell id to metric name to value; NaN where undefined."""


@dataclass(frozen=True)
class Replicates:
    """The metrics of all cells: of all frames, and with each group left out. unit: what the groups are made of."""

    full: Values
    left_out: tuple[Values, ...]
    unit: str

    def method(self) -> str:
        """How an interval from them was made."""
        return f"{self.unit} jackknife, {len(self.left_out)} groups, t, {LEVEL:.0%}"


def replicate(stats: Mapping[str, Sequence[FrameStats]], ids: Collection[str]) -> Replicates:
    """Computes the metrics of the cells `ids`, which hold the same frames in the same order."""
    chosen = {job_id: frames for job_id, frames in stats.items() if job_id in ids}
    groups, unit = _groups(next(iter(chosen.values())))
    left_out = tuple(
        {job_id: _values([f for f, k in zip(frames, keep, strict=True) if k]) for job_id, frames in chosen.items()}
        for keep in groups
    )
    return Replicates({job_id: _values(frames) for job_id, frames in chosen.items()}, left_out, unit)


def half_width(replicates: Sequence[float | None]) -> float | None:
    """Half of a figure's interval from its value in each replicate; None with fewer than two, or where one is None or NaN."""
    known = np.array([value for value in replicates if value is not None and not math.isnan(value)])
    count = len(known)
    if count < 2 or count != len(replicates):
        return None
    error = float(np.sqrt((count - 1) / count * ((known - known.mean()) ** 2).sum()))
    return float(stdtrit(count - 1, (1 + LEVEL) / 2)) * error


def _values(stats: Sequence[FrameStats]) -> dict[str, float]:
    """Every figure; NaN for those of the map, too, where no frame of these has one."""
    return dict.fromkeys(("mIoU", "mIoU_present"), math.nan) | pooled_values(stats)


def _groups(stats: Sequence[FrameStats]) -> tuple[list[list[bool]], str]:
    """Per group, which frames stay when it is left out; and what the groups are made of."""
    scenes = list(dict.fromkeys(frame.scene for frame in stats))
    names = [frame.scene for frame in stats] if len(scenes) > 1 else [frame.token for frame in stats]
    clusters = list(dict.fromkeys(names))
    count = min(GROUPS, len(clusters))
    group = {name: index % count for index, name in enumerate(clusters)}
    unit = "scene" if len(scenes) > 1 else "frame"
    if count < 2:
        return [], unit
    return [[group[name] != left for name in names] for left in range(count)], unit
