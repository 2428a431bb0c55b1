"""The gate: rules, results and perhaps a baseline in, one verdict per check out. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from reports import compare, formatting
from reports.contract import missing_from_run
from reports.errors import ReportError
from reports.gate_bounds import BOUNDS, Context, Outcome, Subject, is_undefined_in_both, judge
from reports.gate_report import BoundKind, ExitCode, GateCheck, GateReport
from reports.rules import Rule, Rules, matches_pattern
from reports.schema import Cell, Metric, Results, results_hash
from reports.soundness import doubt_attack, failed_checks
from reports.vacuous import refuse_vacuous
from reports.view import View

__all__ = ["ExitCode", "GateCheck", "GateReport", "evaluate"]

COMPARED = ("mce", "mrra")
"""Aggregates against the engine that `calico robust --baseline` names."""


def evaluate(results: Results, rules: Rules, baseline: Results | None = None) -> GateReport:
    """Checks every rule; that the effect and budget checks passed; and that nothing is missing that the baseline held.

    Raises:
        ReportError: A rule needs a baseline and none is given; a bound looks like percent, or can never fail or never pass.
    """
    against = [rule for rule in rules.rules if rule.max_drop is not None]
    if against and baseline is None:
        raise ReportError(f"the rule '{against[0].text()}' compares with a baseline; give one with --baseline")
    view = View(results)
    context = Context(view, None, [])
    if baseline is not None:
        context.not_comparable += compare.differences(results, baseline)
        context.before = View(compare.same_subject(results, baseline))
    cells = _Cells(results.cells)
    checks = [
        check
        for position, rule in enumerate(rules.rules)
        for check in _rule_checks(context, rules, cells, position, rule)
    ]
    checks += failed_checks(context, rules)
    if context.before is not None:
        checks += missing_from_run(context, context.before)
    return GateReport(
        title=results.title,
        results_sha256=results_hash(results),
        rules=tuple(rule.text() for rule in rules.rules),
        checks=tuple(checks),
        not_comparable=tuple(dict.fromkeys(context.not_comparable)),
    )


class _Cells:
    """Cells by the name that rules know their condition by, so that a rule about one condition looks at no other."""

    def __init__(self, cells: tuple[Cell, ...]) -> None:
        self.all = cells
        self._by_name: dict[str, list[Cell]] = {}
        for cell in cells:
            self._by_name.setdefault(_condition_name(cell), []).append(cell)

    def named(self, pattern: str) -> Iterable[Cell]:
        """The cells under conditions that a pattern may match."""
        return self.all if set("*?") & set(pattern) else self._by_name.get(pattern, ())

    @property
    def names(self) -> list[str]:
        """Of the conditions that were run."""
        return sorted(self._by_name)


def _condition_name(cell: Cell) -> str:
    return "clean" if cell.condition.kind == "clean" else cell.condition.name


def _rule_checks(context: Context, rules: Rules, cells: _Cells, position: int, rule: Rule) -> Iterator[GateCheck]:
    """The checks of every bound of one rule."""
    if rule.aggregate is not None:
        subjects = _aggregates(context, rule)
    else:
        matched = [cell for cell in cells.named(rule.condition) if _matches(rule, cell)]
        subjects = [Subject(cell.model, cell.engine, context.describe(cell), cell.metrics, cell) for cell in matched]
    refuse_vacuous(rule, {(name, m.unit) for subject in subjects for name, m in _matching(rule, subject).items()})
    kinds = [kind for kind in BOUNDS if getattr(rule, kind) is not None]
    for kind in kinds:
        yield from _checks(context, rules, cells, position, rule, kind, subjects)
    for subject, severity in _severities_not_run(rule, subjects):
        missing = f"severity {severity} was not run: not run is not passed"
        yield _check(rule, position, kinds[0], rule.pattern, subject, Outcome("error", missing))


def _severities_not_run(rule: Rule, subjects: list[Subject]) -> Iterator[tuple[Subject, int]]:
    """Of a list of severities, those that a condition lacks which has others of them."""
    if not isinstance(rule.severity, tuple):
        return
    ran: dict[tuple[str, str, str, int], tuple[Subject, set[int]]] = {}
    for subject in subjects:
        if subject.cell is not None:
            key = (subject.model, subject.engine, _condition_name(subject.cell), subject.cell.seed)
            ran.setdefault(key, (subject, set()))[1].add(subject.cell.condition.severity)
    for subject, severities in ran.values():
        yield from ((subject, severity) for severity in rule.severity if severity not in severities)


def _aggregates(context: Context, rule: Rule) -> list[Subject]:
    """The aggregates of each model and engine; not of the engine that the others are compared with, if it has none of these."""
    view = context.view
    summary = view.results.summary
    references = {compare.against(m) for s in summary.values() for n, m in s.items() if _named(rule, n)}
    found = []
    for series in view.series:
        label = f"{series.model}/{series.engine}"
        if label not in summary or not (
            matches_pattern(series.model, rule.model) and matches_pattern(series.engine, rule.engine)
        ):
            continue
        conditions = view.averaged(series)
        over = [
            formatting.count(len({condition.name for condition in conditions}), "corruption"),
            formatting.severities({condition.severity for condition in conditions}),
        ]
        subject = Subject(series.model, series.engine, ", ".join(over) if conditions else None, summary[label])
        if label not in references or _matching(rule, subject):
            found.append(subject)
    return found


def _named(rule: Rule, name: str) -> bool:
    return matches_pattern(name, rule.pattern)


def _matching(rule: Rule, subject: Subject) -> dict[str, Metric]:
    """The numbers of a subject that a rule is about, by name."""
    return {name: metric for name, metric in sorted(subject.metrics.items()) if _named(rule, name)}


def _matches(rule: Rule, cell: Cell) -> bool:
    condition = cell.condition
    severities = (rule.severity,) if isinstance(rule.severity, int) else rule.severity
    return (
        matches_pattern(cell.model, rule.model)
        and matches_pattern(cell.engine, rule.engine)
        and matches_pattern(_condition_name(cell), rule.condition)
        and rule.kind in (None, condition.kind)
        and (severities is None or condition.severity in severities)
        and all(name in condition.parameters and condition.parameters[name] == v for name, v in rule.parameters.items())
    )


def _checks(
    context: Context,
    rules: Rules,
    cells: _Cells,
    position: int,
    rule: Rule,
    kind: BoundKind,
    subjects: list[Subject],
) -> Iterator[GateCheck]:
    """The checks of one bound of one rule: one per matching subject and number, or one error."""
    if kind == "relative_to_clean_min":  # the clean cell against itself says nothing
        subjects = [subject for subject in subjects if subject.cell and subject.cell.condition.kind != "clean"]
    if not subjects:
        unmatched = Outcome("error", _unmatched(rule, context.view.results, cells))
        yield _check(rule, position, kind, rule.pattern, None, unmatched)
    several = kind == "max_drop" and bool(set("*?") & set(rule.pattern))
    compared, skipped = 0, None
    for subject in subjects:
        names = list(_matching(rule, subject))
        if not names:
            outcome = Outcome("error", _lacking(rule, subject, context.view.results))
            yield _check(rule, position, kind, rule.pattern, subject, outcome)
        for name in names:
            if several and is_undefined_in_both(context, subject, name):
                skipped = subject
                continue
            compared += 1
            outcome = judge(context, kind, subject, name, getattr(rule, kind))
            outcome = doubt_attack(context, rules, kind, subject.cell, outcome)
            yield _check(rule, position, kind, name, subject, outcome)
    if skipped is not None and not compared:
        nothing = Outcome("error", "everything that the rule matches is undefined, here and in the baseline")
        yield _check(rule, position, kind, rule.pattern, skipped, nothing)


def _unmatched(rule: Rule, results: Results, cells: _Cells) -> str:
    """That nothing matches, which rule it is, and what of it is most likely wrong."""
    if rule.aggregate is not None:
        there = ", ".join(sorted(label for label, summary in results.summary.items() if summary))
        hint = f"; aggregates are there of {there}" if there else "; the file holds none: no corruptions were run"
        return f"no aggregates match '{rule.text()}': not run is not passed{hint}"
    anywhere = rule.model_copy(update={"severity": None})
    of_any = {cell.condition.severity for cell in cells.named(rule.condition) if _matches(anywhere, cell)}
    names = cells.names
    hint = ""
    if of_any:
        hint = f"; severities that were run: {', '.join(map(str, sorted(of_any)))}"
    elif not any(matches_pattern(name, rule.condition) for name in names):
        near = get_close_matches(rule.condition, names, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; conditions that were run: {', '.join(names)}"
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
