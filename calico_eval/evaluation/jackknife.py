"""Intervals of figures that are computed from many cells at once.

The jackknife of `metrics.intervals` runs over all cells together: each group of scenes in turn is
left out of every cell at once, the clean one included. What the cells have in common cancels in
ratios and differences.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from calico_eval.metrics.intervals import compute_standard_error, compute_t_factor, describe_method
from calico_eval.metrics.pool import Groups, StatsPool, deal_groups
from calico_eval.metrics.suffstats import FrameStats

Values = Mapping[str, Mapping[str, float]]
"""Cell id to metric name to value; NaN where undefined."""
_NO_MAP = dict.fromkeys(("mIoU", "mIoU_present"), math.nan)


@dataclass(frozen=True)
class Replicates:
    """The metrics of all cells.

    Attributes:
        full: Metrics over all frames.
        left_out: Metrics without each group in turn; empty if there is only one group.
        groups: The groups that are left out.
    """

    full: Values
    left_out: tuple[Values, ...]
    groups: Groups

    def describe_method(self) -> str:
        """Describe how an interval from these replicates is made."""
        return describe_method(self.groups)


def replicate_metrics(
    stats: Mapping[str, Sequence[FrameStats]], ids: Collection[str]
) -> Replicates:
    """Compute the metrics of cells, over all frames and without each group of scenes.

    Args:
        stats: Cell id to frames. All cells hold the same frames in the same order.
        ids: The cells to compute.
    """
    chosen = {job_id: frames for job_id, frames in stats.items() if job_id in ids}
    groups = deal_groups([frame.scene for frame in next(iter(chosen.values()))])
    full, rows = {}, {}
    for job_id, frames in chosen.items():
        pool = StatsPool.from_frames(frames)
        full[job_id] = _NO_MAP | pool.compute_values()
        rows[job_id] = [_NO_MAP | row for row in pool.compute_replicates(groups)]
    count = len(next(iter(rows.values())))
    return Replicates(
        full, tuple({job_id: rows[job_id][i] for job_id in rows} for i in range(count)), groups
    )


def compute_half_width(replicates: Sequence[float | None]) -> float | None:
    """Compute half of the width of a figure's interval.

    Args:
        replicates: The figure in each replicate.

    Returns:
        Half of the width, or None if there are fewer than two replicates or one is undefined.
    """
    known = np.array([value for value in replicates if value is not None and not math.isnan(value)])
    if len(known) < 2 or len(known) != len(replicates):
        return None
    return compute_t_factor(len(known)) * compute_standard_error(known)
