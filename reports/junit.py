"""JUnit XML: one test case per gate check; without a gate, one per cell (its effect and budget checks)."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from reports import formatting
from reports.gate_report import GateCheck, GateReport
from reports.schema import Cell, Results

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(results: Results, gate: GateReport | None = None) -> str:
    """The file's text. Failures and errors carry their reason in the element body, where CI systems show it."""
    cases = _cell_cases(results) if gate is None else _gate_cases(gate)
    failures = sum(case.find("failure") is not None for case in cases)
    errors = sum(case.find("error") is not None for case in cases)
    counts = {"tests": str(len(cases)), "failures": str(failures), "errors": str(errors), "skipped": "0"}
    root = ElementTree.Element("testsuites", {"name": "calico", **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": _legal(results.title), **counts})
    suite.extend(cases)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _gate_cases(gate: GateReport) -> list[ElementTree.Element]:
    cases = [_gate_case(check, gate.rules[check.rule]) for check in gate.checks]
    for reason in gate.not_comparable:
        case = _case("gate.baseline", "comparable with the baseline")
        _body(case, "error", "not comparable", reason)
        cases.append(case)
    return cases


def _gate_case(check: GateCheck, rule: str) -> ElementTree.Element:
    subject = f"{check.model or 'no model'}/{check.engine or 'no engine'}"
    case = _case(f"gate.{subject}", f"{check.metric} {check.bound_kind} {check.bound:g}: {check.condition or rule}")
    text = f"{check.message}\nrule: {rule}\ncell: {check.cell or 'none'}\n{_sample(check)}"
    if check.state == "passed":
        _body(case, "system-out", None, text)
    else:
        _body(case, "failure" if check.state == "failed" else "error", check.message, text)
    return case


def _sample(check: GateCheck) -> str:
    shown = (formatting.interval(check.value), formatting.sample(check.value))
    return "interval and sample: " + (" ".join(part for part in shown if part) or "none")


def _cell_cases(results: Results) -> list[ElementTree.Element]:
    return [_cell_case(cell) for cell in results.cells]


def _cell_case(cell: Cell) -> ElementTree.Element:
    case = _case(
        f"cells.{cell.model}/{cell.engine}", f"{formatting.condition(cell.condition)} (seed {cell.seed}, {cell.id})"
    )
    broken = [
        f"{name} check: {check.message or 'failed'} ({formatting.parameters(check.measured)})"
        for name, check in (("effect", cell.effect), ("budget", cell.budget))
        if check is not None and not check.passed
    ]
    if broken:
        _body(case, "failure", broken[0], "\n".join(broken))
    lines = [
        f"{name} {formatting.metric(value)} {formatting.interval(value)}".rstrip()
        for name, value in sorted(cell.metrics.items())
    ]
    _body(case, "system-out", None, "\n".join(lines))
    return case


def _case(classname: str, name: str) -> ElementTree.Element:
    return ElementTree.Element("testcase", {"classname": _legal(classname), "name": _legal(name)})


def _body(case: ElementTree.Element, tag: str, message: str | None, text: str) -> None:
    attributes = {} if message is None else {"message": _legal(message.splitlines()[0])}
    ElementTree.SubElement(case, tag, attributes).text = _legal(text)


def _legal(text: str) -> str:
    """Without the characters that XML 1.0 forbids."""
    return _ILLEGAL.sub("\ufffd", text)
