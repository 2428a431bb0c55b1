"""The aggregates of an evaluation (mPC, mRR, RCE, mCE, mRRA), with their intervals.

`metrics.robustness` defines the aggregates; `jackknife` makes the intervals.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from calico_eval.evaluation.jackknife import Replicates, compute_half_width, replicate_metrics
from calico_eval.evaluation.plan import EvaluationPlan, Job
from calico_eval.metrics.robustness import Baseline, aggregate_robustness
from calico_eval.metrics.suffstats import FrameStats
from calico_eval.metrics.summary import clip_rounding
from reports.known_metrics import AGGREGATES
from reports.schema import Cell, Metric

METRICS = ("mAP", "NDS", "mAPH_L2", "mIoU")


@dataclass(frozen=True)
class _Series:
    """One engine: its clean cell and its corrupted cells."""

    clean: str
    corrupted: tuple[Job, ...]

    def list_ids(self) -> tuple[str, ...]:
        """List the ids of all of its cells."""
        return self.clean, *(job.id for job in self.corrupted)


def summarise_cells(
    plan: EvaluationPlan,
    cells: Mapping[str, Cell],
    stats: Mapping[str, Sequence[FrameStats]],
    sensors: Mapping[str, Collection[str]],
) -> dict[str, dict[str, Metric]]:
    """Compute the aggregates of every engine over its corruptions.

    Corruptions that change no sensor of an engine are left out of its aggregates, since it can lose
    nothing there. A comparison with a baseline that lacks the metric (it draws no map) is null,
    with the reason.

    Args:
        plan: Plan of the evaluation.
        cells: Finished cells by id.
        stats: Frames of each cell by id.
        sensors: Engine label to the sensors that it uses.

    Returns:
        Engine label to '<metric>/<aggregate>' and its value, for every headline metric that the
        engine has. Empty without corruptions.
    """
    series = _series(plan)
    mine = {
        name: own for name, one in series.items() if (own := _used(one, sensors[name])).corrupted
    }
    if not mine:
        return {}
    first = next(iter(stats.values()))
    found = replicate_metrics(
        stats, {job_id for one in series.values() for job_id in one.list_ids()}
    )
    summary: dict[str, dict[str, Metric]] = {}
    for name, one in mine.items():
        base = series.get(plan.baseline) if plan.baseline and plan.baseline != name else None
        summary[name] = {}
        for metric in METRICS:
            if not has_metric([cells[job_id] for job_id in one.list_ids()], metric):
                continue
            values = _aggregates(metric, one, found.full, base, plan.baseline)
            parts = [_aggregates(metric, one, part, base, plan.baseline) for part in found.left_out]
            against = plan.baseline if base else None
            lacks = base is not None and _is_undefined(metric, base, found.full)
            for aggregate, value in values.items():
                spread = [part[aggregate] for part in parts]
                reason = f"baseline {against} has no {metric}" if lacks else "the denominator is 0"
                summary[name][f"{metric}/{aggregate}"] = _metric(
                    aggregate, value, spread, found, first, against, reason
                )
    return summary


def has_metric(cells: Sequence[Cell], metric: str) -> bool:
    """Tell whether all cells have a value of a metric.

    Args:
        cells: Some cells.
        metric: Name of the metric.
    """
    found = [cell.metrics.get(metric) for cell in cells]
    return all(one is not None and one.value is not None for one in found)


def _is_undefined(metric: str, one: _Series, values: Mapping[str, Mapping[str, float]]) -> bool:
    """Tell whether one of the corrupted cells lacks the metric."""
    return any(math.isnan(values[job.id].get(metric, math.nan)) for job in one.corrupted)


def _series(plan: EvaluationPlan) -> dict[str, _Series]:
    """Collect the engines that have corrupted cells."""
    found = {}
    for engine in dict.fromkeys(job.engine for job in plan.jobs):
        jobs = [job for job in plan.jobs if job.engine == engine]
        corrupted = tuple(job for job in jobs if job.corruption)
        if corrupted:
            found[engine] = _Series(next(job.id for job in jobs if job.is_clean), corrupted)
    return found


def _used(one: _Series, sensors: Collection[str]) -> _Series:
    """Keep the corrupted cells that change one of the sensors."""
    return _Series(
        one.clean,
        tuple(job for job in one.corrupted if set(job.condition.describe().sensors) & set(sensors)),
    )


def _aggregates(
    metric: str,
    one: _Series,
    values: Mapping[str, Mapping[str, float]],
    baseline: _Series | None,
    baseline_name: str | None,
) -> dict[str, float | None]:
    """Compute every aggregate that is defined; mCE and mRRA need a baseline."""

    def scores(series: _Series) -> dict[str, dict[int, float | None]]:
        rows: dict[str, dict[int, float | None]] = {}
        for job in series.corrupted:
            if (level := job.corruption) is not None:
                rows.setdefault(level.name, {})[level.severity] = values[job.id][metric]
        return rows

    compared = baseline is not None and not _is_undefined(metric, baseline, values)
    against = Baseline(baseline_name or "", scores(baseline)) if baseline and compared else None
    result = aggregate_robustness(scores(one), values[one.clean][metric], against)
    found: dict[str, float | None] = {"mPC": result.mPC, "mRR": result.mRR, "RCE": result.RCE}
    return found | ({"mCE": result.mCE, "mRRA": result.mRRA} if baseline else {})


def _metric(
    aggregate: str,
    value: float | None,
    spread: Sequence[float | None],
    replicates: Replicates,
    stats: Sequence[FrameStats],
    baseline: str | None,
    reason: str,
) -> Metric:
    """Make the record of an aggregate; its interval is cut at what the aggregate can be."""
    known = AGGREGATES[aggregate]
    half = None if value is None else compute_half_width(spread)
    against = f"; baseline {baseline}" if baseline and aggregate in ("mCE", "mRRA") else ""
    how = "no interval" if half is None else replicates.describe_method()
    return Metric(
        value=None if value is None else clip_rounding(known, value),
        lo=None if value is None or half is None else max(value - half, known.lowest),
        hi=None if value is None or half is None else min(value + half, known.highest),
        method=how + against,
        reason=None if value is not None else reason,
        n_frames=len(stats),
        n_scenes=len({frame.scene for frame in stats}),
        higher_is_better=known.higher_is_better,
        unit=known.unit,
    )
