"""Evaluate the gate: rules, results and perhaps a baseline in, one verdict per check out.

All functions are pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from reports import comparison
from reports.errors import ReportError
from reports.gate.baseline_contract import missing_from_run
from reports.gate.bounds import BOUNDS, Context, Outcome, Subject, is_undefined_in_both, judge_bound
from reports.gate.hints import explain_lacking, explain_unmatched
from reports.gate.matching import (
    CellsByName,
    match_aggregates,
    matches_cell,
    matching_numbers,
    severities_not_run,
)
from reports.gate.report import BoundKind, ExitCode, GateCheck, GateReport
from reports.gate.rules import Rule, Rules
from reports.gate.soundness import doubt_outcome, failed_checks
from reports.gate.vacuous_bounds import refuse_vacuous
from reports.results_file import results_hash
from reports.results_view import ResultsView
from reports.schema import Results

__all__ = ["ExitCode", "GateCheck", "GateReport", "evaluate_rules"]


def evaluate_rules(results: Results, rules: Rules, baseline: Results | None = None) -> GateReport:
    """Check every rule, every effect and budget check, and what the baseline held.

    Args:
        results: The run.
        rules: The rules.
        baseline: An earlier run. Nothing that it held may be missing.

    Raises:
        ReportError: A rule needs a baseline and none is given; a bound looks like percent, or can
            never fail or never pass.
    """
    against = [rule for rule in rules.rules if rule.max_drop is not None]
    if against and baseline is None:
        raise ReportError(
            f"the rule '{against[0].to_text()}' compares with a baseline; give one with --baseline"
        )
    view = ResultsView(results)
    context = Context(view, None, [])
    if baseline is not None:
        context.not_comparable += comparison.list_differences(results, baseline)
        context.before = ResultsView(comparison.same_subject(results, baseline))
    cells = CellsByName(results.cells)
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
        rules=tuple(rule.to_text() for rule in rules.rules),
        checks=tuple(checks),
        not_comparable=tuple(dict.fromkeys(context.not_comparable)),
    )


def _rule_checks(
    context: Context, rules: Rules, cells: CellsByName, position: int, rule: Rule
) -> Iterator[GateCheck]:
    """Yield the checks of every bound of one rule."""
    if rule.aggregate is not None:
        subjects = match_aggregates(context, rule)
    else:
        matched = [cell for cell in cells.cells_named(rule.condition) if matches_cell(rule, cell)]
        subjects = [
            Subject(cell.model, cell.engine, context.describe_cell(cell), cell.metrics, cell)
            for cell in matched
        ]
    refuse_vacuous(
        rule,
        {
            (name, m.unit)
            for subject in subjects
            for name, m in matching_numbers(rule, subject).items()
        },
    )
    kinds = [kind for kind in BOUNDS if getattr(rule, kind) is not None]
    for kind in kinds:
        yield from _checks(context, rules, cells, position, rule, kind, subjects)
    for subject, severity in severities_not_run(rule, subjects):
        missing = f"severity {severity} was not run: not run is not passed"
        yield _check(rule, position, kinds[0], rule.pattern, subject, Outcome("error", missing))


def _checks(
    context: Context,
    rules: Rules,
    cells: CellsByName,
    position: int,
    rule: Rule,
    kind: BoundKind,
    subjects: list[Subject],
) -> Iterator[GateCheck]:
    """Yield the checks of one bound of one rule.

    There is one for each matching subject and number, or one error.
    """
    if kind == "relative_to_clean_min":  # the clean cell against itself says nothing
        subjects = [
            subject
            for subject in subjects
            if subject.cell and subject.cell.condition.kind != "clean"
        ]
    if not subjects:
        unmatched = Outcome("error", explain_unmatched(rule, context.view.results, cells))
        yield _check(rule, position, kind, rule.pattern, None, unmatched)
    several = kind == "max_drop" and bool(set("*?") & set(rule.pattern))
    compared, skipped = 0, None
    for subject in subjects:
        names = list(matching_numbers(rule, subject))
        if not names:
            outcome = Outcome("error", explain_lacking(rule, subject, context.view.results))
            yield _check(rule, position, kind, rule.pattern, subject, outcome)
        for name in names:
            if several and is_undefined_in_both(context, subject, name):
                skipped = subject
                continue
            compared += 1
            outcome = judge_bound(context, kind, subject, name, getattr(rule, kind))
            outcome = doubt_outcome(context, rules, kind, subject.cell, outcome)
            yield _check(rule, position, kind, name, subject, outcome)
    if skipped is not None and not compared:
        nothing = Outcome(
            "error", "everything that the rule matches is undefined, here and in the baseline"
        )
        yield _check(rule, position, kind, rule.pattern, skipped, nothing)


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
