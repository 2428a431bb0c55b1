"""Intervals of what is computed from many cells at once: the jackknife of `metrics.intervals`, over all cells together.

Each group of scenes in turn is left out of every cell at once, the clean one included. So what the cells have in common cancels
in ratios and differences.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from calico_eval.metrics.intervals import method_of, standard_error, student
from calico_eval.metrics.pool import Groups, StatsPool, deal_groups
from calico_eval.metrics.suffstats import FrameStats

Values = Mapping[str, Mapping[str, float]]
"""Cell id to metric name to value; NaN where undefined."""
_NO_MAP = dict.fromkeys(("mIoU", "mIoU_present"), math.nan)


@dataclass(frozen=True)
class Replicates:
    """The metrics of all cells.

    Attributes:
        full: of all frames.
        left_out: without each group in turn; empty where there is one group only.
        groups: what is left out.
    """

    full: Values
    left_out: tuple[Values, ...]
    groups: Groups

    def method(self) -> str:
        """Says how an interval from them was made."""
        return method_of(self.groups)


def replicate(stats: Mapping[str, Sequence[FrameStats]], ids: Collection[str]) -> Replicates:
    """Computes the metrics of the cells `ids`, which hold the same frames in the same order."""
    chosen = {job_id: frames for job_id, frames in stats.items() if job_id in ids}
    groups = deal_groups([frame.scene for frame in next(iter(chosen.values()))])
    full, rows = {}, {}
    for job_id, frames in chosen.items():
        pool = StatsPool.of(frames)
        full[job_id] = _NO_MAP | pool.values()
        rows[job_id] = [_NO_MAP | row for row in pool.replicates(groups)]
    count = len(next(iter(rows.values())))
    return Replicates(
        full, tuple({job_id: rows[job_id][i] for job_id in rows} for i in range(count)), groups
    )


def half_width(replicates: Sequence[float | None]) -> float | None:
    """Half of a figure's interval from its value in each replicate; None with fewer than two, or where one is None or NaN."""
    known = np.array([value for value in replicates if value is not None and not math.isnan(value)])
    if len(known) < 2 or len(known) != len(replicates):
        return None
    return student(len(known)) * standard_error(known)
