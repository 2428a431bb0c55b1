"""Hints at what a rule that matches nothing most likely meant."""

from __future__ import annotations

from difflib import get_close_matches

from reports.gate.bounds import Subject
from reports.gate.matching import CellsByName, matches_cell
from reports.gate.rules import Rule, matches_pattern
from reports.schema import Results

COMPARED = ("mce", "mrra")
"""Aggregates against the engine that `calico robust --baseline` names."""


def explain_unmatched(rule: Rule, results: Results, cells: CellsByName) -> str:
    """Say that nothing matches a rule, and what of it is most likely wrong.

    Args:
        rule: The rule.
        results: The run.
        cells: Cells of the run by name.
    """
    if rule.aggregate is not None:
        there = ", ".join(sorted(label for label, summary in results.summary.items() if summary))
        hint = (
            f"; aggregates are there of {there}"
            if there
            else "; the file holds none: no corruptions were run"
        )
        return f"no aggregates match '{rule.to_text()}': not run is not passed{hint}"
    anywhere = rule.model_copy(update={"severity": None})
    of_any = {
        cell.condition.severity
        for cell in cells.cells_named(rule.condition)
        if matches_cell(anywhere, cell)
    }
    names = cells.names
    hint = ""
    if of_any:
        hint = f"; severities that were run: {', '.join(map(str, sorted(of_any)))}"
    elif not any(matches_pattern(name, rule.condition) for name in names):
        near = get_close_matches(rule.condition, names, n=1)
        hint = (
            f"; did you mean {near[0]}?"
            if near
            else f"; conditions that were run: {', '.join(names)}"
        )
    return f"no cell matches '{rule.to_text()}': not run is not passed{hint}"


def explain_lacking(rule: Rule, subject: Subject, results: Results) -> str:
    """Say that the subject has no number of the rule's name, and what was most likely meant.

    Args:
        rule: The rule.
        subject: What the rule is about.
        results: The run.
    """
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
        hint = (
            f"; did you mean {meant}?"
            if meant
            else f"; it has {', '.join(sorted(subject.metrics)) or 'none'}"
        )
        hint = (
            "; calico robust makes it where several models are compared: --baseline NAME/ENGINE"
            if wants
            else hint
        )
        return f"{subject.model}/{subject.engine} has no aggregate {name}{hint}"
    if aggregates:
        hint = (
            f": it is an aggregate over cells; write aggregate: {aggregates[0]} in place of "
            f"metric: {name}"
        )
    else:
        hint = f"; did you mean {lower[near[0]]}?" if near else ""
    return f"the cell holds no metric {name}{hint}"
