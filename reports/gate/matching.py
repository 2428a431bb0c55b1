"""The cells, aggregates and numbers that a rule of the gate matches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reports import comparison, formatting
from reports.gate.bounds import Context, Subject
from reports.gate.rules import Rule, matches_pattern
from reports.schema import Cell, Metric


class CellsByName:
    """Cells by the name that rules know their condition by.

    A rule about one condition thus looks at no other.
    """

    def __init__(self, cells: tuple[Cell, ...]) -> None:
        self.all = cells
        self._by_name: dict[str, list[Cell]] = {}
        for cell in cells:
            self._by_name.setdefault(condition_name(cell), []).append(cell)

    def cells_named(self, pattern: str) -> Iterable[Cell]:
        """List the cells under conditions that a pattern may match."""
        return self.all if set("*?") & set(pattern) else self._by_name.get(pattern, ())

    @property
    def names(self) -> list[str]:
        """Names of the conditions that were run."""
        return sorted(self._by_name)


def condition_name(cell: Cell) -> str:
    """Return the name that rules know a cell's condition by."""
    return "clean" if cell.condition.kind == "clean" else cell.condition.name


def severities_not_run(rule: Rule, subjects: list[Subject]) -> Iterator[tuple[Subject, int]]:
    """Yield the severities of a rule's list that a condition lacks which has others of them.

    Args:
        rule: The rule.
        subjects: What the rule matches.
    """
    if not isinstance(rule.severity, tuple):
        return
    ran: dict[tuple[str, str, str, int], tuple[Subject, set[int]]] = {}
    for subject in subjects:
        if subject.cell is not None:
            key = (subject.model, subject.engine, condition_name(subject.cell), subject.cell.seed)
            ran.setdefault(key, (subject, set()))[1].add(subject.cell.condition.severity)
    for subject, severities in ran.values():
        yield from ((subject, severity) for severity in rule.severity if severity not in severities)


def match_aggregates(context: Context, rule: Rule) -> list[Subject]:
    """List the aggregates of each model and engine that a rule matches.

    The engine that the others are compared with is left out if it has none of them.

    Args:
        context: What the gate may look at.
        rule: The rule.
    """
    view = context.view
    summary = view.results.summary
    references = {
        comparison.compared_engine(m)
        for s in summary.values()
        for n, m in s.items()
        if _named(rule, n)
    }
    found = []
    for series in view.series:
        label = f"{series.model}/{series.engine}"
        if label not in summary or not (
            matches_pattern(series.model, rule.model)
            and matches_pattern(series.engine, rule.engine)
        ):
            continue
        conditions = view.averaged_conditions(series)
        over = [
            formatting.format_count(
                len({condition.name for condition in conditions}), "corruption"
            ),
            formatting.format_severities({condition.severity for condition in conditions}),
        ]
        subject = Subject(
            series.model, series.engine, ", ".join(over) if conditions else None, summary[label]
        )
        if label not in references or matching_numbers(rule, subject):
            found.append(subject)
    return found


def _named(rule: Rule, name: str) -> bool:
    return matches_pattern(name, rule.pattern)


def matching_numbers(rule: Rule, subject: Subject) -> dict[str, Metric]:
    """Return the numbers of a subject that a rule is about, by name.

    Args:
        rule: The rule.
        subject: What the rule is about.
    """
    return {name: metric for name, metric in sorted(subject.metrics.items()) if _named(rule, name)}


def matches_cell(rule: Rule, cell: Cell) -> bool:
    """Say whether a rule is about a cell.

    Args:
        rule: The rule.
        cell: The cell.
    """
    condition = cell.condition
    severities = (rule.severity,) if isinstance(rule.severity, int) else rule.severity
    return (
        matches_pattern(cell.model, rule.model)
        and matches_pattern(cell.engine, rule.engine)
        and matches_pattern(condition_name(cell), rule.condition)
        and rule.kind in (None, condition.kind)
        and (severities is None or condition.severity in severities)
        and all(
            name in condition.parameters and condition.parameters[name] == v
            for name, v in rule.parameters.items()
        )
    )
