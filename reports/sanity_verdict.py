"""The sanity verdict as reports show it.

It says which attack figures are suspect (`SanityIndex.find_failed_checks`), and which nobody
checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reports import formatting
from reports.conditions import is_control
from reports.results_view import ResultsView, Series
from reports.schema import Condition, Results, SanityCheck

MARKS = {"PASS": "✓", "WARN": "!", "FAIL": "✗", "NOT RUN": "–"}
LEVELS = {"PASS": "good", "WARN": "warn", "FAIL": "bad", "NOT RUN": "quiet"}


@dataclass(frozen=True)
class SanityVerdict:
    """The checks of one engine, in their order.

    Attributes:
        label: Label of the engine.
        checks: Its checks.
    """

    label: str
    checks: tuple[SanityCheck, ...]

    def count(self, verdict: str) -> int:
        """Count the checks that ended with a verdict."""
        return sum(check.verdict == verdict for check in self.checks)

    @property
    def failed(self) -> tuple[str, ...]:
        """Ids of the failed checks."""
        return tuple(check.id for check in self.checks if check.verdict == "FAIL")

    @property
    def suspect(self) -> bool:
        """Whether the attack figures must not be relied on."""
        return bool(self.failed)

    @property
    def ran(self) -> bool:
        """Whether any check was run."""
        return self.count("NOT RUN") < len(self.checks)

    def summary(self) -> str:
        """Summarise the checks: '13 passed, 1 warned, 1 failed (S7), 1 not run'."""
        failed = f"{self.count('FAIL')} failed ({', '.join(self.failed)})" if self.failed else ""
        counted = ((self.count("PASS"), "passed"), (self.count("WARN"), "warned"))
        parts = [f"{count} {what}" for count, what in counted if count] + (
            [failed] if failed else []
        )
        return ", ".join([*parts, *([f"{n} not run"] if (n := self.count("NOT RUN")) else [])])


def engine_verdicts(results: Results) -> tuple[SanityVerdict, ...]:
    """Return one verdict for each checked engine, in the order of the file."""
    found: dict[str, list[SanityCheck]] = {}
    for check in results.sanity:
        found.setdefault(f"{check.model}/{check.engine}", []).append(check)
    return tuple(SanityVerdict(label, tuple(checks)) for label, checks in found.items())


def suspect_condition(view: ResultsView, series: Series, condition: Condition) -> tuple[str, ...]:
    """List the failed checks that make a condition on one engine suspect.

    Args:
        view: Look-ups over the results.
        series: The model on its engine.
        condition: The condition.
    """
    cells = view.same_test(series, condition)
    failed = (check for cell in cells for check in view.sanity.find_failed_checks(cell))
    return tuple(dict.fromkeys(failed))


def is_unchecked(results: Results) -> bool:
    """Say whether searching attacks were run and no sanity check was."""
    return all(check.verdict == "NOT RUN" for check in results.sanity) and any(
        cell.condition.kind == "attack"
        and not is_control(cell.condition)
        and {"steps", "queries"} & cell.condition.parameters.keys()
        for cell in results.cells
    )


def suspect_badge(ids: tuple[str, ...]) -> str:
    """Return 'SUSPECT (S7, S8)', or '' without ids."""
    return f"SUSPECT ({', '.join(ids)})" if ids else ""


def format_measured(check: SanityCheck) -> str:
    """Format the numbers of a check, without those that were not measured."""
    return formatting.format_parameters(
        {name: value for name, value in check.measured.items() if value is not None}
    )


def sanity_lines(results: Results) -> Iterator[str]:
    """Yield lines for the terminal: one for each engine, and each check that failed or warned."""
    for verdict in engine_verdicts(results):
        state = "attack figures checked" if verdict.ran else "attack figures unchecked"
        state = "SUSPECT: do not rely on the attack figures" if verdict.suspect else state
        yield f"sanity of {verdict.label}: {state}; {verdict.summary()}"
        for check in verdict.checks:
            if check.verdict in ("FAIL", "WARN"):
                yield f"  {check.verdict} {check.id} {check.title}: {check.message}"
    if is_unchecked(results):
        yield (
            f"no sanity {'check was run' if results.sanity else 'verdict'}: the attack figures are "
            f"unchecked"
        )
