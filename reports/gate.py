"""The gate: rules, results and perhaps a baseline in, one verdict per check out. Pure functions.

Bounds include equality. Numbers are compared with a slack of 1e-12, so that 0.40 -> 0.38 is a drop of 0.02.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from fnmatch import fnmatchcase

from reports import compare, formatting, sanity
from reports.errors import ReportError
from reports.gate_report import BoundKind, ExitCode, GateCheck, GateReport, State
from reports.rules import Rule, Rules
from reports.schema import Cell, Metric, Results, results_hash
from reports.view import View, ratio

__all__ = ["ExitCode", "GateCheck", "GateReport", "evaluate"]

SLACK = 1e-12


@dataclass(frozen=True)
class _Outcome:
    state: State
    message: str
    observed: float | None = None
    reference: Metric | None = None


@dataclass
class _Context:
    """What a bound may look at, and the reasons found on the way why the comparison is void."""

    results: Results
    baseline: Results | None
    not_comparable: list[str]


def evaluate(results: Results, rules: Rules, baseline: Results | None = None) -> GateReport:
    """Checks every rule. Raises ReportError where a rule needs a baseline and none is given, or a bound looks like percent."""
    against = [rule for rule in rules.rules if rule.max_drop is not None]
    if against and baseline is None:
        raise ReportError(f"the rule '{against[0].text()}' compares with a baseline; give one with --baseline")
    for rule in rules.rules:
        _refuse_percent(rule, results)
    context = _Context(results, None, [])
    if baseline is not None:
        context.not_comparable += compare.differences(results, baseline)
        context.baseline = compare.same_subject(results, baseline)
    checks = [
        check
        for position, rule in enumerate(rules.rules)
        for kind in _BOUNDS
        if getattr(rule, kind) is not None
        for check in _checks(context, rule, position, kind)
    ]
    return GateReport(
        title=results.title,
        results_sha256=results_hash(results),
        rules=tuple(rule.text() for rule in rules.rules),
        checks=tuple(checks),
        not_comparable=tuple(dict.fromkeys(context.not_comparable)),
    )


def _refuse_percent(rule: Rule, results: Results) -> None:
    """Raises ReportError for a bound above 1 where all that the rule matches are fractions."""
    matching = [cell for cell in results.cells if _matches(rule, cell)]
    units = {m.unit for cell in matching for name, m in cell.metrics.items() if fnmatchcase(name, rule.metric)}
    for kind in _BOUNDS:
        bound = getattr(rule, kind)
        if bound is not None and bound > 1 and (kind == "relative_to_clean_min" or units == {"fraction"}):
            hint = f"; did you mean {bound / 100:g}?" if bound <= 100 else ""
            raise ReportError(f"the rule '{rule.text()}': {kind} is {bound:g}, expected a fraction 0..1{hint}")


def _matches(rule: Rule, cell: Cell) -> bool:
    condition = cell.condition
    name = "clean" if condition.kind == "clean" else condition.name
    severities = (rule.severity,) if isinstance(rule.severity, int) else rule.severity
    return (
        fnmatchcase(cell.model, rule.model)
        and fnmatchcase(cell.engine, rule.engine)
        and fnmatchcase(name, rule.condition)
        and rule.kind in (None, condition.kind)
        and (severities is None or condition.severity in severities)
        and all(name in condition.parameters and condition.parameters[name] == v for name, v in rule.parameters.items())
    )


def _checks(context: _Context, rule: Rule, position: int, kind: BoundKind) -> Iterator[GateCheck]:
    """The checks of one bound of one rule: one per matching cell and metric, or one error."""
    bound: float = getattr(rule, kind)
    cells = [cell for cell in context.results.cells if _matches(rule, cell)]
    if kind == "relative_to_clean_min":  # the clean cell against itself says nothing
        cells = [cell for cell in cells if cell.condition.kind != "clean"]
    if not cells:
        yield _check(rule, position, kind, rule.metric, None, _Outcome("error", _unmatched(rule, context.results)))
    for cell in cells:
        names = sorted(name for name in cell.metrics if fnmatchcase(name, rule.metric))
        if not names:
            message = f"the cell holds no metric {rule.metric}{_near(rule.metric, cell, context.results)}"
            yield _check(rule, position, kind, rule.metric, cell, _Outcome("error", message))
        for name in names:
            outcome = _doubted(context, kind, cell, _judge(context, kind, cell, name, bound))
            yield _check(rule, position, kind, name, cell, outcome)


def _doubted(context: _Context, kind: BoundKind, cell: Cell, outcome: _Outcome) -> _Outcome:
    """Inconclusive where the outcome rests on attack figures that are suspect.

    An attack that does not work can only hide harm: a bound that is missed in spite of it stays missed. A loss against a suspect
    baseline may be the attack's repair instead.
    """
    if outcome.state == "error":
        return outcome
    ours = sanity.suspicion(context.results, cell)
    if ours and outcome.state == "passed":
        message = f"{outcome.message}; attack figures are {sanity.badge(ours)}: no pass"
        return replace(outcome, state="inconclusive", message=message)
    old = compare.same_cell(cell, context.baseline) if kind == "max_drop" and context.baseline else None
    theirs = sanity.suspicion(context.baseline, old) if old is not None and context.baseline is not None else ()
    if theirs:
        message = f"{outcome.message}; the baseline's attack figures are {sanity.badge(theirs)}"
        return replace(outcome, state="inconclusive", message=message)
    return outcome


def _unmatched(rule: Rule, results: Results) -> str:
    """That no cell matches, which rule it is, and what of it is most likely wrong."""
    of_any = [cell.condition for cell in results.cells if _matches(rule.model_copy(update={"severity": None}), cell)]
    names = {"clean" if cell.condition.kind == "clean" else cell.condition.name for cell in results.cells}
    hint = ""
    if of_any:
        hint = f"; severities that were run: {', '.join(str(s) for s in sorted({one.severity for one in of_any}))}"
    elif not any(fnmatchcase(name, rule.condition) for name in names):
        near = get_close_matches(rule.condition, names, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; conditions that were run: {', '.join(sorted(names))}"
    return f"no cell matches '{rule.text()}': not run is not passed{hint}"


def _near(metric: str, cell: Cell, results: Results) -> str:
    """'; did you mean mAP?' where a metric of the cell has nearly that name, whatever the case of the letters."""
    if any(metric in (name, name.rpartition("/")[2]) for summary in results.summary.values() for name in summary):
        return ": it is an aggregate over cells, and rules are about cells"
    names = {name.lower(): name for name in cell.metrics}
    near = get_close_matches(metric.lower(), names, n=1)
    return f"; did you mean {names[near[0]]}?" if near else ""


def _check(rule: Rule, position: int, kind: BoundKind, metric: str, cell: Cell | None, outcome: _Outcome) -> GateCheck:
    return GateCheck(
        state=outcome.state,
        rule=position,
        bound_kind=kind,
        bound=getattr(rule, kind),
        observed=outcome.observed,
        message=outcome.message,
        metric=metric,
        model=cell.model if cell else None,
        engine=cell.engine if cell else None,
        condition=formatting.condition(cell.condition) if cell else None,
        cell=cell.id if cell else None,
        value=cell.metrics.get(metric) if cell else None,
        reference=outcome.reference,
    )


def _judge(context: _Context, kind: BoundKind, cell: Cell, name: str, bound: float) -> _Outcome:
    metric = cell.metrics[name]
    if metric.value is None:
        return _Outcome("error", f"{name} is undefined: {metric.reason}")
    return _BOUNDS[kind](context, cell, name, bound)


def _at_least(context: _Context, cell: Cell, name: str, bound: float) -> _Outcome:
    metric = cell.metrics[name]
    return _compare(metric.value, bound, metric.unit, "at least")


def _at_most(context: _Context, cell: Cell, name: str, bound: float) -> _Outcome:
    metric = cell.metrics[name]
    return _compare(metric.value, bound, metric.unit, "at most")


def _drop(context: _Context, cell: Cell, name: str, bound: float) -> _Outcome:
    """At most `bound` worse than the baseline's same cell."""
    assert context.baseline is not None  # evaluate() has seen to it
    old_cell = compare.same_cell(cell, context.baseline)
    where = f"{cell.model}/{cell.engine}, {formatting.condition(cell.condition)}"
    if old_cell is None:
        other = compare.other_budget(cell, context.baseline)
        if other is None:
            return _Outcome("error", "the baseline holds no such cell")
        reason = f"{where}: the baseline ran it with other parameters ({formatting.full_condition(other.condition)})"
        context.not_comparable.append(reason)
        return _Outcome("error", reason)
    metric, old = cell.metrics[name], old_cell.metrics.get(name)
    if old is None or old.value is None:
        return _Outcome(
            "error", f"{name} is {'not in' if old is None else 'undefined in'} the baseline's cell", reference=old
        )
    if metric.n_frames < old.n_frames:
        fewer = f"fewer frames than the baseline: {metric.n_frames} instead of {old.n_frames}"
        return _Outcome("failed", fewer, reference=old)
    worse = compare.worsening(metric, old)
    outcome = _compare(worse, bound, metric.unit, "at most")
    change = formatting.delta(metric.value or 0.0, old.value, metric.unit)
    message = (
        f"{formatting.metric(metric)} after {formatting.metric(old)} ({change}); "
        f"allowed loss {formatting.difference(bound, metric.unit)}"
    )
    return _Outcome(outcome.state, message, worse, old)


def _keeps(context: _Context, cell: Cell, name: str, bound: float) -> _Outcome:
    """At least the share `bound` of the clean value of the same model and engine."""
    metric = cell.metrics[name]
    if not metric.higher_is_better:
        return _Outcome(
            "error", f"relative_to_clean_min has no meaning for {name}, where lower is better; use max or max_drop"
        )
    view = View(context.results)
    series = next(s for s in view.series if (s.model, s.engine) == (cell.model, cell.engine))
    clean = view.clean(series, name)
    kept = ratio(metric, clean)
    if kept is None:
        return _Outcome(
            "error", f"the clean value of {cell.model}/{cell.engine} is {formatting.metric(clean)}", reference=clean
        )
    shown, needed = formatting.number(kept, "fraction"), formatting.number(bound, "fraction")
    message = f"keeps {shown} of the clean {formatting.metric(clean)}, needs {needed}"
    return _Outcome(_compare(kept, bound, "fraction", "at least").state, message, kept, clean)


def _compare(observed: float | None, bound: float, unit: str, how: str) -> _Outcome:
    assert observed is not None  # _judge has seen to it
    good = observed >= bound - SLACK if how == "at least" else observed <= bound + SLACK
    shown = f"{formatting.number(observed, unit)}, {how} {formatting.number(bound, unit)}"
    return _Outcome("passed" if good else "failed", shown, observed)


_BOUNDS: dict[BoundKind, Callable[[_Context, Cell, str, float], _Outcome]] = {
    "min": _at_least,
    "max": _at_most,
    "max_drop": _drop,
    "relative_to_clean_min": _keeps,
}
