"""The place on a curve where a metric falls to half of its clean value, with its interval."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from calico_eval.evaluation.curve_request import CurveRequest, is_worse_upwards
from calico_eval.evaluation.jackknife import (
    Replicates,
    Values,
    compute_half_width,
    replicate_metrics,
)
from calico_eval.evaluation.plan import EvaluationPlan
from calico_eval.evaluation.summary import METRICS, has_metric
from calico_eval.metrics.suffstats import FrameStats
from reports.half_crossing import Crossing, from_line, half_crossing, to_line
from reports.schema import Cell, Curve, Metric


def compute_curves(
    plan: EvaluationPlan,
    cells: Mapping[str, Cell],
    stats: Mapping[str, Sequence[FrameStats]],
    sensors: Mapping[str, Collection[str]],
) -> tuple[Curve, ...]:
    """Compute one record per curve and engine, in the order of the plan.

    An engine has no record of a curve that changes none of its sensors.

    Args:
        plan: Plan of the evaluation.
        cells: Finished cells by id.
        stats: Frames of each cell by id.
        sensors: Engine label to the sensors that it uses.
    """
    clean = {job.engine: job.id for job in plan.jobs if job.is_clean}
    return tuple(
        _curve(request, cells, stats, [clean[engine], *ids])
        for request in plan.curves
        for engine, ids in _cells_of(plan, request).items()
        if set(request.points[0].describe().sensors) & set(sensors[engine])
    )


def _cells_of(plan: EvaluationPlan, request: CurveRequest) -> dict[str, list[str]]:
    """Map each engine's label to the cells of the curve's points, in their order."""
    found: dict[str, list[str]] = {}
    for job in plan.jobs:
        if job.condition in request.points:
            found.setdefault(job.engine, []).append(job.id)
    return found


def _curve(
    request: CurveRequest,
    cells: Mapping[str, Cell],
    stats: Mapping[str, Sequence[FrameStats]],
    ids: Sequence[str],
) -> Curve:
    """Make a record; ids: the clean cell's, then one per point."""
    replicates = replicate_metrics(stats, ids)
    measured = [name for name in METRICS if has_metric([cells[i] for i in ids], name)]
    return Curve(
        model=cells[ids[0]].model,
        engine=cells[ids[0]].engine,
        name=request.name,
        axis=request.spec.parameter,
        unit=request.spec.unit,
        scale=request.scale,
        values=request.values,
        half={name: _half(request, name, ids, replicates, stats[ids[0]]) for name in measured},
    )


def _half(
    request: CurveRequest,
    name: str,
    ids: Sequence[str],
    replicates: Replicates,
    frames: Sequence[FrameStats],
) -> Metric:
    """Make the crossing of one metric, as results.json has it."""
    found = _crossing(request, name, ids, replicates.full)
    lo, hi, method = _interval(
        request,
        found,
        [_crossing(request, name, ids, part) for part in replicates.left_out],
        replicates,
    )
    return Metric(
        value=found.value,
        lo=lo,
        hi=hi,
        method=method,
        reason=None
        if found.value is not None
        else _reason(request, name, ids, replicates.full, found),
        n_frames=len(frames),
        n_scenes=len({frame.scene for frame in frames}),
        higher_is_better=is_worse_upwards(request.spec),
        unit=request.spec.unit,
    )


def _crossing(request: CurveRequest, name: str, ids: Sequence[str], values: Values) -> Crossing:
    clean, *scores = (values[i][name] for i in ids)
    return half_crossing(request.values, scores, clean, request.scale)


def _interval(
    request: CurveRequest, found: Crossing, parts: Sequence[Crossing], replicates: Replicates
) -> tuple[float | None, float | None, str]:
    """Return lo, hi and how they are made; they are cut at the ends of the curve."""
    if found.value is None:
        return None, None, "no interval"
    half = compute_half_width(
        [None if part.value is None else to_line(part.value, request.scale) for part in parts]
    )
    if half is None:
        outside = sum(part.value is None for part in parts)
        why = (
            f": outside the curve with {outside} of {len(parts)} {replicates.groups.name}s left out"
            if outside
            else ""
        )
        return None, None, "no interval" + why
    middle, low, high = (
        to_line(found.value, request.scale),
        min(request.values),
        max(request.values),
    )
    lo, hi = from_line(middle - half, request.scale), from_line(middle + half, request.scale)
    over = "in the logarithm, " if request.scale == "log" else ""
    cut = ", cut at the end of the curve" if lo < low or hi > high else ""
    return max(lo, low), min(hi, high), f"{over}{replicates.describe_method()}{cut}"


def _reason(
    request: CurveRequest, name: str, ids: Sequence[str], values: Values, found: Crossing
) -> str:
    clean = values[ids[0]][name]
    if clean <= 0:
        return f"the clean {name} is 0"
    end, position = (request.values[0], 1) if found.where == "milder" else (request.values[-1], -1)
    side = "above" if is_worse_upwards(request.spec) == (found.where == "more severe") else "below"
    edge = _said(end, request.spec.unit)
    left = f"{values[ids[position]][name] / clean:.0%} of the clean {name}"
    if found.where == "milder":
        return f"{side} {edge}, the mildest value: {left} is left there already"
    return f"{side} {edge}, the most severe value, if anywhere: {left} is left there"


def _said(value: float, unit: str) -> str:
    """'20 m', '0.5 % of the width'."""
    kind, _, of = unit.partition(" ")
    return f"{100 * value:.4g} % {of}".rstrip() if kind == "share" else f"{value:g} {unit}"
