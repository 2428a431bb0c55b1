"""Whether the summary and the curves of results.json agree with its cells.

All numbers are computed again from the cells, by the definitions of docs/reference/metrics.md.
Cells that differ only in their seed are averaged first.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from reports.comparison import compared_engine
from reports.conditions import level_on_axis
from reports.half_crossing import half_crossing
from reports.known_metrics import AGGREGATES, known_metric
from reports.results_view import ResultsView, Series
from reports.schema import Curve, Metric, Results

TOLERANCE = 1e-9
Scores = dict[str, dict[int, float]]
"""Corruption to severity to the value of a metric."""


def find_contradictions(results: Results) -> Iterator[str]:
    """Yield one line for each number that its cells contradict.

    A line says where the number is, what it is, and what the cells give.
    """
    view = ResultsView(results)
    by_label = {f"{series.model}/{series.engine}": series for series in view.series}
    for label, aggregates in results.summary.items():
        series = by_label.get(label)
        if series is None:
            yield f"summary.{label}: has no cell in this file"
            continue
        for name, given in aggregates.items():
            metric, _, aggregate = name.rpartition("/")
            if aggregate in AGGREGATES:
                fault = _aggregate_fault(view, by_label, series, metric, aggregate, given)
                if fault:
                    yield f"summary.{label}.{name}: {fault}"
    seen = set()
    for number, curve in enumerate(results.curves):
        where = f"curves.{number} ({curve.name} on {curve.model}/{curve.engine})"
        if (curve.model, curve.engine, curve.name) in seen:
            yield f"{where}: is there twice"
        seen.add((curve.model, curve.engine, curve.name))
        yield from (f"{where}.{fault}" for fault in _curve_faults(view, curve))


def _aggregate_fault(
    view: ResultsView,
    by_label: dict[str, Series],
    series: Series,
    metric: str,
    aggregate: str,
    given: Metric,
) -> str:
    known = known_metric(metric)
    if known is not None and not known.higher_is_better:
        return f"aggregates are of metrics where higher is better, which {metric} is not"
    names = tuple(dict.fromkeys(condition.name for condition in view.averaged_conditions(series)))
    scores = _scores(view, series, metric, names)
    if not scores:
        return (
            f"the file holds no cell under a corruption with a value of {metric} in each to make "
            f"it from"
        )
    if aggregate in ("mCE", "mRRA"):
        base = by_label.get(compared_engine(given))
        theirs = _scores(view, base, metric, names) if base is not None else {}
        if base is not None and not theirs and given.value is None:
            return ""  # the other engine has no such metric, e.g. it draws no map
        if not all(scores[name].keys() <= theirs.get(name, {}).keys() for name in names):
            return (
                f"compares with {compared_engine(given) or 'no engine'}, which lacks the cells to "
                f"compare with"
            )
        expected = _compared(aggregate, scores, theirs)
    else:
        clean = view.clean_metric(series, metric)
        if clean is None or clean.value is None:
            return f"the file holds no clean value of {metric}"
        expected = _own(aggregate, scores, clean.value)
    return _difference(given.value, expected)


def _scores(view: ResultsView, series: Series, metric: str, names: tuple[str, ...]) -> Scores:
    """Collect the values under each corruption, or nothing if one of them is undefined."""
    scores: Scores = {}
    for name in names:
        for point in view.find_points(series, metric, "corruption", name):
            if point.metric.value is None:
                return {}
            scores.setdefault(name, {})[point.condition.severity] = point.metric.value
    return scores if len(scores) == len(names) else {}


def _own(aggregate: str, scores: Scores, clean: float) -> float | None:
    means = [sum(row.values()) / len(row) for row in scores.values()]
    mean = sum(means) / len(means)
    if aggregate == "mPC":
        return mean
    if clean == 0:
        return None
    return mean / clean if aggregate == "mRR" else (clean - mean) / clean


def _compared(aggregate: str, scores: Scores, theirs: Scores) -> float | None:
    """Compute mCE, the mean ratio of the errors, or mRRA, the mean gain over the other engine."""
    ratios = []
    for name, row in scores.items():
        ours = sum(row.values())
        other = sum(theirs[name][severity] for severity in row)
        above, below = (
            (len(row) - ours, len(row) - other) if aggregate == "mCE" else (ours - other, other)
        )
        if below == 0:
            return None
        ratios.append(above / below)
    return sum(ratios) / len(ratios)


def _curve_faults(view: ResultsView, curve: Curve) -> Iterator[str]:
    rising = curve.values[0] < curve.values[-1]
    if not all(a < b if rising else a > b for a, b in pairwise(curve.values)):
        yield "values: expected each once, from mild to severe"
        return
    series = Series(curve.model, curve.engine, "", 0)
    for name, half in curve.half.items():
        if half.unit != curve.unit:
            yield f"half.{name}.unit: is {half.unit!r}, expected that of the curve, {curve.unit!r}"
        points = view.find_points(series, name, "curve", curve.name)
        there = {
            level_on_axis(point.condition): point.metric.value
            for point in points
            if point.condition.axis == curve.axis
        }
        scores = [score for value in curve.values if (score := there.get(value)) is not None]
        clean = view.clean_metric(series, name)
        if len(scores) != len(curve.values) or clean is None or clean.value is None:
            yield (
                f"half.{name}: the file lacks the clean cell, or a cell of the curve of one of the "
                f"values, with {name}"
            )
            continue
        expected = half_crossing(curve.values, scores, clean.value, curve.scale)
        fault = _difference(half.value, expected.value)
        if fault:
            yield f"half.{name}: {fault}"
        elif half.lo is not None and half.hi is not None and half.value is not None:
            ends = (min(curve.values), half.lo, half.value, half.hi, max(curve.values))
            if any(a > b + TOLERANCE * max(1.0, abs(b)) for a, b in pairwise(ends)):
                yield f"half.{name}: its interval does not hold its value, or leaves the curve"


def _difference(given: float | None, expected: float | None) -> str:
    if given is None or expected is None:
        same = given is expected
    else:
        same = abs(given - expected) <= TOLERANCE * max(1.0, abs(expected))
    shown, wanted = (
        "undefined" if number is None else f"{number:.12g}" for number in (given, expected)
    )
    return "" if same else f"is {shown}, but its cells give {wanted}"
