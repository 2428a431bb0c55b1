"""The tables of the attacks' sanity checks."""

from __future__ import annotations

from dataclasses import dataclass

from reports import sanity_verdict
from reports.results_view import ResultsView


@dataclass(frozen=True)
class SanityRow:
    """One check of one engine."""

    id: str
    title: str
    mark: str
    verdict: str
    level: str
    measured: str
    message: str


@dataclass(frozen=True)
class SanityTable:
    """The gradient-masking checklist of one engine."""

    label: str
    summary: str
    suspect: bool
    ran: bool
    rows: tuple[SanityRow, ...]


def sanity_tables(view: ResultsView) -> tuple[SanityTable, ...]:
    """Make one table per checked engine."""
    return tuple(
        SanityTable(
            label=verdict.label,
            summary=verdict.summary(),
            suspect=verdict.suspect,
            ran=verdict.ran,
            rows=tuple(
                SanityRow(
                    check.id,
                    check.title,
                    sanity_verdict.MARKS[check.verdict],
                    {"PASS": "passed", "WARN": "warning", "FAIL": "failed", "NOT RUN": "not run"}[
                        check.verdict
                    ],
                    sanity_verdict.LEVELS[check.verdict],
                    sanity_verdict.format_measured(check),
                    check.message,
                )
                for check in verdict.checks
            ),
        )
        for verdict in sanity_verdict.engine_verdicts(view.results)
    )
