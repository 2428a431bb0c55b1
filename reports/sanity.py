"""What the sanity verdict means for the attack figures: which of them are suspect, and why.

A failed check of an engine makes every attack figure of its model suspect, and those of other models that were made with its
gradients. Random-noise controls look at no model and stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reports import formatting
from reports.schema import Cell, Condition, Results, SanityCheck
from reports.view import Series, View, condition_key, is_control

VERDICTS = ("PASS", "WARN", "FAIL", "NOT RUN")
MARKS = {"PASS": "✓", "WARN": "!", "FAIL": "✗", "NOT RUN": "–"}
LEVELS = {"PASS": "good", "WARN": "warn", "FAIL": "bad", "NOT RUN": "quiet"}


@dataclass(frozen=True)
class Verdict:
    """The checks of one engine, in their order."""

    label: str
    checks: tuple[SanityCheck, ...]

    def count(self, verdict: str) -> int:
        """How many checks ended so."""
        return sum(check.verdict == verdict for check in self.checks)

    @property
    def failed(self) -> tuple[str, ...]:
        """Ids of the failed checks."""
        return tuple(check.id for check in self.checks if check.verdict == "FAIL")

    @property
    def suspect(self) -> bool:
        """Whether the attack figures must not be relied on."""
        return bool(self.failed)

    def summary(self) -> str:
        """'13 passed, 1 warned, 1 failed (S7), 1 not run'."""
        failed = f"{self.count('FAIL')} failed ({', '.join(self.failed)})" if self.failed else ""
        counted = ((self.count("PASS"), "passed"), (self.count("WARN"), "warned"))
        parts = [f"{count} {what}" for count, what in counted if count] + ([failed] if failed else [])
        return ", ".join([*parts, *([f"{n} not run"] if (n := self.count("NOT RUN")) else [])])


def verdicts(results: Results) -> tuple[Verdict, ...]:
    """One entry per checked engine, in the order of the file."""
    found: dict[str, list[SanityCheck]] = {}
    for check in results.sanity:
        found.setdefault(f"{check.model}/{check.engine}", []).append(check)
    return tuple(Verdict(label, tuple(checks)) for label, checks in found.items())


def suspicion(results: Results, cell: Cell) -> tuple[str, ...]:
    """Ids of the failed checks that make the figures of an attack cell suspect; () for sound ones and all other cells."""
    if cell.condition.kind != "attack" or is_control(cell.condition):
        return ()
    labels = {f"{cell.model}/{cell.engine}", str(cell.details.get("crafted_on") or "")}
    failed = {
        check.id: None
        for check in results.sanity
        if check.verdict == "FAIL" and (check.model == cell.model or f"{check.model}/{check.engine}" in labels)
    }
    return tuple(failed)


def suspect_condition(view: View, series: Series, condition: Condition) -> tuple[str, ...]:
    """`suspicion` of the cells of one condition on one engine."""
    key = condition_key(condition)
    cells = [cell for cell in view.cells(series) if condition_key(cell.condition) == key]
    return tuple(dict.fromkeys(id for cell in cells for id in suspicion(view.results, cell)))  # noqa: A001


def unchecked(results: Results) -> bool:
    """Whether attacks that search (by steps along gradients, or by queries) were run and no sanity check was made."""
    return not results.sanity and any(
        cell.condition.kind == "attack"
        and not is_control(cell.condition)
        and {"steps", "queries"} & cell.condition.parameters.keys()
        for cell in results.cells
    )


def badge(ids: tuple[str, ...]) -> str:
    """'SUSPECT (S7, S8)', or nothing."""
    return f"SUSPECT ({', '.join(ids)})" if ids else ""


def measured(check: SanityCheck) -> str:
    """The numbers, without what was not measured."""
    return formatting.parameters({name: value for name, value in check.measured.items() if value is not None})


def sanity_lines(results: Results) -> Iterator[str]:
    """For the terminal: a line per engine, and one per check that failed or warned."""
    for verdict in verdicts(results):
        state = "SUSPECT: do not rely on the attack figures" if verdict.suspect else "attack figures checked"
        yield f"sanity of {verdict.label}: {state}; {verdict.summary()}"
        for check in verdict.checks:
            if check.verdict in ("FAIL", "WARN"):
                yield f"  {check.verdict} {check.id} {check.title}: {check.message}"
    if unchecked(results):
        yield "no sanity verdict: the attack figures are unchecked"
