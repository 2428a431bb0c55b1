"""The gate: rules, results and perhaps a baseline in, one verdict per check out. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches
from fnmatch import fnmatchcase

from reports import compare, formatting, sanity
from reports.errors import ReportError
from reports.gate_bounds import BOUNDS, Context, Outcome, Subject, judge
from reports.gate_report import BoundKind, ExitCode, GateCheck, GateReport
from reports.rules import Rule, Rules
from reports.schema import Cell, Metric, Results, results_hash
from reports.view import View

__all__ = ["ExitCode", "GateCheck", "GateReport", "evaluate"]

FRACTIONS = ("mPC", "RCE")
"""Aggregates of 1 at most; the others are ratios, and a ratio of 1.2 is a bound that makes sense."""
COMPARED = ("mce", "mrra")
"""Aggregates against the engine that `calico robust --baseline` names."""
LARGEST_RATIO = 10.0


def evaluate(results: Results, rules: Rules, baseline: Results | None = None) -> GateReport:
    """Checks every rule. Raises ReportError where a rule needs a baseline and none is given, or a bound looks like percent."""
    against = [rule for rule in rules.rules if rule.max_drop is not None]
    if against and baseline is None:
        raise ReportError(f"the rule '{against[0].text()}' compares with a baseline; give one with --baseline")
    for rule in rules.rules:
        _refuse_percent(rule, results)
    context = Context(results, None, [])
    if baseline is not None:
        context.not_comparable += compare.differences(results, baseline)
        context.baseline = compare.same_subject(results, baseline)
    checks = [
        check
        for position, rule in enumerate(rules.rules)
        for kind in BOUNDS
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
    """Raises ReportError for a bound above 1 where all that the rule matches are fractions; of ratios above 10."""
    found = {(name, m.unit) for subject in _subjects(rule, results) for name, m in _matching(rule, subject).items()}
    fractions = {unit for _, unit in found} == {"fraction"}
    ratios = rule.aggregate is not None and any(name.rpartition("/")[2] not in FRACTIONS for name, _ in found)
    for kind in BOUNDS:
        bound = getattr(rule, kind)
        largest = LARGEST_RATIO if ratios and kind in ("min", "max") else 1.0
        if bound is not None and bound > largest and (kind == "relative_to_clean_min" or fractions):
            hint = f"; did you mean {bound / 100:g}?" if bound <= 100 * largest else ""
            wanted = "a fraction 0..1" if largest == 1 else "a ratio, where 1 is 100 %"
            raise ReportError(f"the rule '{rule.text()}': {kind} is {bound:g}, expected {wanted}{hint}")


def _subjects(rule: Rule, results: Results, kind: BoundKind | None = None) -> list[Subject]:
    """What a rule matches, and a bound of this kind can be about."""
    if rule.aggregate is not None:
        return _aggregates(rule, results)
    cells = [cell for cell in results.cells if _matches(rule, cell)]
    if kind == "relative_to_clean_min":  # the clean cell against itself says nothing
        cells = [cell for cell in cells if cell.condition.kind != "clean"]
    return [
        Subject(cell.model, cell.engine, formatting.condition(cell.condition), cell.metrics, cell) for cell in cells
    ]


def _aggregates(rule: Rule, results: Results) -> list[Subject]:
    """The aggregates of each model and engine; not of the engine that the others are compared with, where it has none such."""
    view = View(results)
    references = {compare.against(m) for s in results.summary.values() for n, m in s.items() if _named(rule, n)}
    found = []
    for series in view.series:
        label = f"{series.model}/{series.engine}"
        if label not in results.summary or not (
            fnmatchcase(series.model, rule.model) and fnmatchcase(series.engine, rule.engine)
        ):
            continue
        conditions = view.averaged(series)
        over = [
            formatting.count(len({condition.name for condition in conditions}), "corruption"),
            formatting.severities({condition.severity for condition in conditions}),
        ]
        subject = Subject(series.model, series.engine, ", ".join(over) if conditions else None, results.summary[label])
        if label not in references or _matching(rule, subject):
            found.append(subject)
    return found


def _named(rule: Rule, name: str) -> bool:
    return fnmatchcase(name, rule.pattern)


def _matching(rule: Rule, subject: Subject) -> dict[str, Metric]:
    """The numbers of a subject that a rule is about, by name."""
    return {name: metric for name, metric in sorted(subject.metrics.items()) if _named(rule, name)}


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


def _checks(context: Context, rule: Rule, position: int, kind: BoundKind) -> Iterator[GateCheck]:
    """The checks of one bound of one rule: one per matching subject and number, or one error."""
    subjects = _subjects(rule, context.results, kind)
    if not subjects:
        unmatched = Outcome("error", _unmatched(rule, context.results))
        yield _check(rule, position, kind, rule.pattern, None, unmatched)
    for subject in subjects:
        names = list(_matching(rule, subject))
        if not names:
            outcome = Outcome("error", _lacking(rule, subject, context.results))
            yield _check(rule, position, kind, rule.pattern, subject, outcome)
        for name in names:
            outcome = judge(context, kind, subject, name, getattr(rule, kind))
            yield _check(rule, position, kind, name, subject, _doubted(context, kind, subject, outcome))


def _doubted(context: Context, kind: BoundKind, subject: Subject, outcome: Outcome) -> Outcome:
    """Inconclusive where the outcome rests on attack figures that are suspect. Aggregates are over corruptions only.

    An attack that does not work can only hide harm: a bound that is missed in spite of it stays missed. A loss against a suspect
    baseline may be the attack's repair instead.
    """
    cell = subject.cell
    if outcome.state == "error" or cell is None:
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
    """That nothing matches, which rule it is, and what of it is most likely wrong."""
    if rule.aggregate is not None:
        there = ", ".join(sorted(label for label, summary in results.summary.items() if summary))
        hint = f"; aggregates are there of {there}" if there else "; the file holds none: no corruptions were run"
        return f"no aggregates match '{rule.text()}': not run is not passed{hint}"
    of_any = [cell.condition for cell in results.cells if _matches(rule.model_copy(update={"severity": None}), cell)]
    names = {"clean" if cell.condition.kind == "clean" else cell.condition.name for cell in results.cells}
    hint = ""
    if of_any:
        hint = f"; severities that were run: {', '.join(str(s) for s in sorted({one.severity for one in of_any}))}"
    elif not any(fnmatchcase(name, rule.condition) for name in names):
        near = get_close_matches(rule.condition, names, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; conditions that were run: {', '.join(sorted(names))}"
    return f"no cell matches '{rule.text()}': not run is not passed{hint}"


def _lacking(rule: Rule, subject: Subject, results: Results) -> str:
    """That the subject has no number of the rule's name, and what was most likely meant."""
    name = rule.pattern
    of_all = sorted({name for summary in results.summary.values() for name in summary})
    aggregates = [found for found in of_all if name in (found, found.rpartition("/")[2])]
    lower = {found.lower(): found for found in subject.metrics}
    near = [] if name in of_all else get_close_matches(name.lower(), lower, n=1)
    if subject.cell is None:
        wants = name.rpartition("/")[2].lower() in COMPARED and not any(
            one.rpartition("/")[2].lower() in COMPARED for one in of_all
        )
        meant = f"*/{name}" if aggregates and name not in of_all else lower[near[0]] if near else ""
        hint = f"; did you mean {meant}?" if meant else f"; it has {', '.join(sorted(subject.metrics)) or 'none'}"
        hint = "; calico robust makes it where several models are compared: --baseline NAME/ENGINE" if wants else hint
        return f"{subject.model}/{subject.engine} has no aggregate {name}{hint}"
    if aggregates:
        hint = f": it is an aggregate over cells; write aggregate: {aggregates[0]} in place of metric: {name}"
    else:
        hint = f"; did you mean {lower[near[0]]}?" if near else ""
    return f"the cell holds no metric {name}{hint}"


def _check(
    rule: Rule, position: int, kind: BoundKind, name: str, subject: Subject | None, outcome: Outcome
) -> GateCheck:
    return GateCheck(
        state=outcome.state,
        rule=position,
        bound_kind=kind,
        bound=getattr(rule, kind),
        observed=outcome.observed,
        message=outcome.message,
        metric=name,
        model=subject.model if subject else None,
        engine=subject.engine if subject else None,
        condition=subject.condition if subject else None,
        cell=subject.cell.id if subject and subject.cell else None,
        value=subject.metrics.get(name) if subject else None,
        reference=outcome.reference,
    )
