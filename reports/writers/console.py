"""A few lines for the terminal: the verdict of a report, the checks of a gate."""

from __future__ import annotations

from collections.abc import Iterator

from reports.first_screen import make_first_screen
from reports.formatting import SPACE
from reports.gate.report import GateReport
from reports.results_view import ResultsView
from reports.sanity_verdict import sanity_lines
from reports.schema import Results


def headline_lines(results: Results, gate: GateReport | None = None) -> Iterator[str]:
    """Yield the report's first screen as text.

    Args:
        results: The run.
        gate: Verdict of the gate, or None.
    """
    found = make_first_screen(ResultsView(results), gate)
    yield found.sentence.replace(SPACE, " ")
    width = max(len(tile.question) for tile in found.tiles)
    for tile in found.tiles:
        details = "; ".join(detail for detail in tile.details if detail)
        yield f"  {tile.question:<{width}}  {tile.answer}  ({details})".replace(SPACE, " ")
    yield from (line.replace(SPACE, " ") for line in sanity_lines(results))
    for caution in found.cautions:
        yield f"  note: {caution}".replace(SPACE, " ")


def gate_lines(gate: GateReport) -> Iterator[str]:
    """Yield one line a check, failures first, then the verdict."""
    for check in sorted(gate.checks, key=lambda check: check.state == "passed"):
        where = " ".join(part for part in (check.model, check.engine, check.condition) if part)
        what = f"{check.metric}  {where}" if where else check.metric
        yield f"{check.state:>6}  {what}: {check.message}".replace(SPACE, " ")
    for reason in gate.not_comparable:
        yield f"not comparable with the baseline: {reason}"
    counts = ", ".join(f"{gate.count(state)} {state}" for state in ("passed", "failed", "error"))
    counts += f", {gate.count('inconclusive')} inconclusive" if gate.count("inconclusive") else ""
    yield (
        f"gate: {'passed' if gate.passed else 'not passed'} ({counts}), exit code "
        f"{int(gate.exit_code)}"
    )
