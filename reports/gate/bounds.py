"""What each bound of a rule asks of one number: pass, fail, or nothing to compare.

Bounds include equality. Numbers are compared with a slack of 1e-12, so that 0.40 -> 0.38 is a drop
of 0.02.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

from reports import comparison, formatting
from reports.conditions import condition_key
from reports.gate.report import BoundKind, State
from reports.gate.vacuous_bounds import SLACK
from reports.results_view import ResultsView, value_ratio
from reports.schema import Cell, Metric


@dataclass(frozen=True)
class Subject:
    """What a rule is about: the metrics of a cell, or the aggregates of a model on an engine.

    Attributes:
        model: Name of the model.
        engine: Name of the engine.
        condition: The condition in words. Aggregates name the corruptions that they are over.
        metrics: The numbers by name.
        cell: The cell, or None for aggregates.
    """

    model: str
    engine: str
    condition: str | None
    metrics: Mapping[str, Metric]
    cell: Cell | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of a check.

    Attributes:
        state: Passed, failed, error or inconclusive.
        message: Why.
        observed: The number that was compared with the bound.
        reference: The metric that it was compared with, if any.
    """

    state: State
    message: str
    observed: float | None = None
    reference: Metric | None = None


@dataclass
class Context:
    """What a bound may look at.

    Attributes:
        view: Look-ups over the results.
        before: Look-ups over the baseline, under our model's name.
        not_comparable: Reasons, found on the way, why the comparison is void.
    """

    view: ResultsView
    before: ResultsView | None
    not_comparable: list[str]

    def describe_cell(self, cell: Cell) -> str:
        """Describe the condition of a cell in words.

        All parameters are named where another condition of the file has the same words (attacks
        that differ in their steps), and the seed where the file holds several.
        """
        words = formatting.format_condition(cell.condition)
        shown = (
            words if self._tests[words] == 1 else formatting.format_full_condition(cell.condition)
        )
        return shown + (f", seed {cell.seed}" if self.view.several_seeds else "")

    @cached_property
    def _tests(self) -> Counter[str]:
        """How many different conditions the words stand for."""
        conditions = {condition_key(c.condition): c.condition for c in self.view.results.cells}
        return Counter(formatting.format_condition(condition) for condition in conditions.values())


def judge_bound(
    context: Context, kind: BoundKind, subject: Subject, name: str, bound: float
) -> Outcome:
    """Judge one bound of one rule on one number. An undefined number is an error.

    Args:
        context: What the bound may look at.
        kind: Kind of the bound.
        subject: Owner of the number.
        name: Name of the number.
        bound: The bound.
    """
    metric = subject.metrics[name]
    if metric.value is None:
        return Outcome("error", f"{name} is undefined: {metric.reason}")
    return BOUNDS[kind](context, subject, name, bound)


def is_undefined_in_both(context: Context, subject: Subject, name: str) -> bool:
    """Say whether a number has no value here and had none in the baseline.

    Nothing was lost then. An example is the AP of a class of which the data hold no object.

    Args:
        context: What the bound may look at.
        subject: Owner of the number.
        name: Name of the number.
    """
    if subject.metrics[name].value is not None or context.before is None:
        return False
    if subject.cell is not None:
        twin = context.before.find_twin(subject.cell)
        old = None if twin is None else twin.metrics.get(name)
    else:
        old = context.before.results.summary.get(f"{subject.model}/{subject.engine}", {}).get(name)
    return old is not None and old.value is None


def _at_least(context: Context, subject: Subject, name: str, bound: float) -> Outcome:
    metric = subject.metrics[name]
    return _compare(metric.value, bound, metric.unit, "at least")


def _at_most(context: Context, subject: Subject, name: str, bound: float) -> Outcome:
    metric = subject.metrics[name]
    return _compare(metric.value, bound, metric.unit, "at most")


def _drop(context: Context, subject: Subject, name: str, bound: float) -> Outcome:
    """Require a number at most `bound` worse than the same number of the baseline."""
    assert context.before is not None  # evaluate() has seen to it
    if subject.cell is not None:
        old = _old_metric(context, context.before, subject.cell, name)
    else:
        old = _old_aggregate(context, context.before, subject, name)
    if isinstance(old, Outcome):
        return old
    metric = subject.metrics[name]
    if old.value is None:
        return Outcome("error", f"{name} is undefined in the baseline: {old.reason}", reference=old)
    if metric.n_frames < old.n_frames:
        fewer = f"fewer frames than the baseline: {metric.n_frames} instead of {old.n_frames}"
        return Outcome("failed", fewer, reference=old)
    worse = comparison.measure_worsening(metric, old)
    outcome = _compare(worse, bound, metric.unit, "at most")
    change = formatting.format_delta(metric.value or 0.0, old.value, metric.unit)
    message = (
        f"{formatting.format_metric(metric)} after {formatting.format_metric(old)} ({change}); "
        f"allowed loss {formatting.format_difference(bound, metric.unit)}"
    )
    return Outcome(outcome.state, message, worse, old)


def _old_metric(context: Context, before: ResultsView, cell: Cell, name: str) -> Metric | Outcome:
    """Find the metric of the baseline's same cell, or why it is missing."""
    old_cell = before.find_twin(cell)
    if old_cell is None:
        other = next(before.find_variants(cell), None)
        if other is None:
            return Outcome("error", "the baseline holds no such cell")
        where = f"{cell.model}/{cell.engine}, {formatting.format_condition(cell.condition)}"
        return _void(
            context,
            f"{where}: the baseline ran it with other parameters "
            f"({formatting.format_full_condition(other.condition)})",
        )
    old = old_cell.metrics.get(name)
    return Outcome("error", f"{name} is not in the baseline's cell") if old is None else old


def _old_aggregate(
    context: Context, before: ResultsView, subject: Subject, name: str
) -> Metric | Outcome:
    """Find the same aggregate of the baseline, or why it is missing.

    It must be over the same conditions, against the same engine.
    """
    label = f"{subject.model}/{subject.engine}"
    old = before.results.summary.get(label, {}).get(name)
    if old is None:
        return Outcome("error", f"{name} is not among the baseline's aggregates of {label}")
    reason = comparison.other_average(subject.model, subject.engine, context.view, before)
    if reason:
        return _void(context, f"{label}, aggregates: {reason}")
    ours, theirs = (
        comparison.compared_engine(subject.metrics[name]),
        comparison.compared_engine(old),
    )
    if ours != theirs:
        other = f"against {ours or 'nothing'} here, {theirs or 'nothing'} in the baseline"
        return _void(context, f"{label}, {name}: {other}")
    return old


def _void(context: Context, reason: str) -> Outcome:
    """Note that the comparison as a whole is void, too."""
    context.not_comparable.append(reason)
    return Outcome("error", reason)


def _keeps(context: Context, subject: Subject, name: str, bound: float) -> Outcome:
    """Require at least the share `bound` of the clean value of the same model and engine."""
    metric = subject.metrics[name]
    if not metric.higher_is_better:
        return Outcome(
            "error",
            f"relative_to_clean_min has no meaning for {name}, where lower is better; use max or "
            f"max_drop",
        )
    assert subject.cell is not None  # Rule refuses it of aggregates
    clean = context.view.clean_twin(subject.cell, name)
    kept = value_ratio(metric, clean)
    if kept is None:
        return Outcome(
            "error",
            f"the clean value of {subject.model}/{subject.engine} is "
            f"{formatting.format_metric(clean)}",
            reference=clean,
        )
    shown, needed = (
        formatting.format_number(kept, "fraction"),
        formatting.format_number(bound, "fraction"),
    )
    message = f"keeps {shown} of the clean {formatting.format_metric(clean)}, needs {needed}"
    return Outcome(_compare(kept, bound, "fraction", "at least").state, message, kept, clean)


def _compare(observed: float | None, bound: float, unit: str, how: str) -> Outcome:
    assert observed is not None  # judge has seen to it
    good = observed >= bound - SLACK if how == "at least" else observed <= bound + SLACK
    shown = (
        f"{formatting.format_number(observed, unit)}, {how} {formatting.format_number(bound, unit)}"
    )
    return Outcome("passed" if good else "failed", shown, observed)


BOUNDS: dict[BoundKind, Callable[[Context, Subject, str, float], Outcome]] = {
    "min": _at_least,
    "max": _at_most,
    "max_drop": _drop,
    "relative_to_clean_min": _keeps,
}
