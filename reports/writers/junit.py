"""JUnit XML: one test case per gate check, or per cell without a gate, and per sanity check.

The case of a cell has its effect and budget checks, and whether its figures are suspect.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections import Counter

from reports import formatting, sanity_verdict
from reports.clean_text import clean_text
from reports.gate.report import GateCheck, GateReport
from reports.results_view import ResultsView
from reports.schema import Cell, Results, SanityCheck


def junit_xml(results: Results, gate: GateReport | None = None) -> str:
    """Write the file's text.

    Failures and errors carry their reason in the element's body, where CI systems show it.

    Args:
        results: The run.
        gate: Verdict of the gate, or None.
    """
    cases = _cell_cases(results) if gate is None else _gate_cases(gate)
    cases += [_sanity_case(check) for check in results.sanity]
    failures = sum(case.find("failure") is not None for case in cases)
    errors = sum(case.find("error") is not None for case in cases)
    skipped = sum(case.find("skipped") is not None for case in cases)
    counts = {"tests": len(cases), "failures": failures, "errors": errors, "skipped": skipped}
    attributes = {name: str(count) for name, count in counts.items()}
    root = ElementTree.Element("testsuites", {"name": "calico", **attributes})
    suite = ElementTree.SubElement(
        root, "testsuite", {"name": clean_text(results.title), **attributes}
    )
    suite.extend(cases)
    ElementTree.indent(root)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        + ElementTree.tostring(root, encoding="unicode")
        + "\n"
    )


def _gate_cases(gate: GateReport) -> list[ElementTree.Element]:
    cases = [_gate_case(check, gate.rule_of(check)) for check in gate.checks]
    _tell_apart(cases, [check.cell for check in gate.checks])
    for reason in gate.not_comparable:
        case = _case("gate.baseline", "comparable with the baseline")
        _body(case, "error", "not comparable", [reason])
        cases.append(case)
    return cases


def _gate_case(check: GateCheck, rule: str) -> ElementTree.Element:
    subject = f"{check.model or 'no model'}/{check.engine or 'no engine'}"
    asked = check.bound_kind if check.bound is None else f"{check.bound_kind} {check.bound:g}"
    case = _case(f"gate.{subject}", f"{check.metric} {asked}: {check.condition or rule}")
    lines = [check.message, f"rule: {rule}", f"cell: {check.cell or 'none'}", _sample(check)]
    if check.state == "passed":
        _body(case, "system-out", None, lines)
    else:
        _body(
            case,
            "error" if check.state == "error" else "failure",
            f"{_TOLD[check.state]}{check.message}",
            lines,
        )
    return case


_TOLD = {"failed": "", "error": "", "inconclusive": "inconclusive: "}


def _tell_apart(cases: list[ElementTree.Element], cells: list[str | None]) -> None:
    """Add what tells cases of one name apart, of which CI systems show only one.

    Attacks may differ in their steps alone.
    """
    count = Counter((case.get("classname"), case.get("name")) for case in cases)
    taken: Counter[tuple[str | None, str | None]] = Counter()
    for case, cell in zip(cases, cells, strict=True):
        key = (case.get("classname"), case.get("name"))
        if count[key] > 1:
            taken[key] += 1
            case.set("name", f"{key[1]} ({clean_text(cell or '')} {taken[key]})")


def _sanity_case(check: SanityCheck) -> ElementTree.Element:
    """Make a case: a failed check fails, a warning passes, and what was not run is skipped."""
    case = _case(f"sanity.{check.model}/{check.engine}", f"{check.id} {check.title}")
    text = [f"{check.verdict}: {check.message}", sanity_verdict.format_measured(check)]
    if check.verdict == "FAIL":
        _body(case, "failure", f"{check.id}: attack figures are suspect", text)
    elif check.verdict == "NOT RUN":
        _body(case, "skipped", check.message, text)
    else:
        _body(case, "system-out", None, text)
    return case


def _sample(check: GateCheck) -> str:
    shown = (formatting.format_interval(check.value), formatting.format_sample(check.value))
    return "interval and sample: " + (" ".join(part for part in shown if part) or "none")


def _cell_cases(results: Results) -> list[ElementTree.Element]:
    view = ResultsView(results)
    return [_cell_case(cell, view.sanity.find_failed_checks(cell)) for cell in results.cells]


def _cell_case(cell: Cell, suspect: tuple[str, ...]) -> ElementTree.Element:
    case = _case(
        f"cells.{cell.model}/{cell.engine}",
        f"{formatting.format_condition(cell.condition)} (seed {cell.seed}, {cell.id})",
    )
    broken = [
        f"{name} check: {check.message or 'failed'} "
        f"({formatting.format_parameters(check.measured)})"
        for name, check in (("effect", cell.effect), ("budget", cell.budget))
        if check is not None and not check.passed
    ]
    if suspect:
        broken.append(
            f"attack figures are {sanity_verdict.suspect_badge(suspect)}: sanity checks failed"
        )
    if broken:
        _body(case, "failure", broken[0], broken)
    lines = [
        f"{name} {formatting.format_metric(value)} {formatting.format_interval(value)}".rstrip()
        for name, value in sorted(cell.metrics.items())
    ]
    _body(case, "system-out", None, lines)
    return case


def _case(classname: str, name: str) -> ElementTree.Element:
    return ElementTree.Element(
        "testcase", {"classname": clean_text(classname), "name": clean_text(name)}
    )


def _body(case: ElementTree.Element, tag: str, message: str | None, lines: list[str]) -> None:
    attributes = {} if message is None else {"message": clean_text(message)}
    ElementTree.SubElement(case, tag, attributes).text = "\n".join(
        clean_text(line) for line in lines
    )
