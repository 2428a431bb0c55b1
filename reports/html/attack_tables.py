"""Tables of the attacks: every attack with its effort, and attacks on corrupted frames."""

from __future__ import annotations

from dataclasses import dataclass

from reports import formatting, sanity_verdict
from reports.attack_parameters import (
    RULES,
    attack_allowances,
    attack_effort,
    attack_metrics,
    title_of,
)
from reports.conditions import condition_key, is_control, split_crossed
from reports.results_view import Point, ResultsView
from reports.schema import Condition
from reports.shown_value import Value, show_value


@dataclass(frozen=True)
class AttackRow:
    """One attack on one engine.

    Attributes:
        label: Label of the series.
        attack: Name of the attack.
        control: Whether it is a random control.
        objective: Its objective.
        effort: How hard it searches.
        budget: What it may change.
        values: One value for each metric.
        suspect: '' or 'SUSPECT (S7)'.
    """

    label: str
    attack: str
    control: bool
    objective: str
    effort: str
    budget: str
    values: tuple[Value, ...]
    suspect: str


@dataclass(frozen=True)
class AttackTable:
    """All attacks on clean frames.

    Attributes:
        metrics: Names of the columns of values.
        rows: The rows.
    """

    metrics: tuple[str, ...]
    rows: tuple[AttackRow, ...]


@dataclass(frozen=True)
class CrossRow:
    """One model on frames of one corruption.

    Attributes:
        label: Label of the series.
        corruption: The corruption.
        values: Value without an attack, then under each.
    """

    label: str
    corruption: str
    values: tuple[Value | None, ...]


@dataclass(frozen=True)
class CrossTable:
    """Attacks on corrupted frames, by one metric."""

    title: str
    attacks: tuple[str, ...]
    rows: tuple[CrossRow, ...]
    suspect: str


def attack_table(view: ResultsView) -> AttackTable:
    """Make one row per attack on clean frames and engine, in the order of the file."""
    metrics = attack_metrics(view)
    rows = []
    for series in view.series:
        points = {metric: view.find_points(series, metric, "attack") for metric in metrics}
        values = {
            m: {condition_key(p.condition): p.metric for p in found} for m, found in points.items()
        }
        known = {
            condition_key(p.condition): p.condition for found in points.values() for p in found
        }
        for key, condition in known.items():
            if split_crossed(condition) is not None:
                continue
            work = {
                n: v
                for n, v in attack_effort(condition).items()
                if n in ("steps", "queries", "restarts")
            }
            rows.append(
                AttackRow(
                    label=series.label,
                    attack=formatting.to_words(condition.name)
                    + formatting.format_origin(condition),
                    control=is_control(condition),
                    objective=str(condition.parameters.get("objective") or "–"),
                    effort=formatting.format_parameters(work) or "–",
                    budget=_budget(condition),
                    values=tuple(
                        show_value(values[m].get(key), clean=view.clean_metric(series, m))
                        for m in metrics
                    ),
                    suspect=sanity_verdict.suspect_badge(
                        sanity_verdict.suspect_condition(view, series, condition)
                    ),
                )
            )
    return AttackTable(metrics, tuple(rows))


def _budget(condition: Condition) -> str:
    """Format all that the attack may change, the value on its axis first, with its unit."""
    rest = {
        name: value
        for name, value in attack_allowances(condition).items()
        if name not in (condition.axis, *RULES)
    }
    return ", ".join(
        part
        for part in (formatting.format_on_axis(condition), formatting.format_parameters(rest))
        if part
    )


def cross_tables(view: ResultsView) -> tuple[CrossTable, ...]:
    """Make one table per charted metric and success rate, for attacks on corrupted frames."""
    conditions = [
        cell.condition for cell in view.results.cells if split_crossed(cell.condition) is not None
    ]
    columns = {_attack_key(condition): condition for condition in conditions}
    if not columns:
        return ()
    failed = {
        check: None
        for s in view.series
        for c in conditions
        for check in sanity_verdict.suspect_condition(view, s, c)
    }
    names = tuple(_attack_name(condition) for condition in columns.values())
    return tuple(
        CrossTable(
            title_of(m),
            names,
            tuple(_cross_rows(view, m, list(columns))),
            sanity_verdict.suspect_badge(tuple(failed)),
        )
        for m in attack_metrics(view)
    )


def _cross_rows(
    view: ResultsView, metric: str, columns: list[tuple[object, ...]]
) -> list[CrossRow]:
    rows = []
    for series in view.series:
        attacked = view.find_points(series, metric, "attack")
        on_clean = {
            _attack_key(p.condition): p.metric
            for p in attacked
            if split_crossed(p.condition) is None
        }
        mixed = [(pair, p) for p in attacked if (pair := split_crossed(p.condition)) is not None]
        if not mixed:
            continue
        first = (view.clean_metric(series, metric), *(on_clean.get(key) for key in columns))
        rows.append(
            CrossRow(
                series.label,
                "clean frames",
                tuple(None if m is None else show_value(m) for m in first),
            )
        )
        grouped: dict[tuple[str, int], list[Point]] = {}
        for pair, point in mixed:
            grouped.setdefault((pair[0], point.condition.severity), []).append(point)
        for (name, severity), mine in grouped.items():
            alone = next(
                (
                    p.metric
                    for p in view.find_points(series, metric, "corruption", name)
                    if p.condition.severity == severity
                ),
                None,
            )
            here = {_attack_key(p.condition): p.metric for p in mine}
            found = (alone, *(here.get(key) for key in columns))
            label = f"{formatting.to_words(name)}, severity{formatting.SPACE}{severity}"
            rows.append(
                CrossRow(
                    series.label, label, tuple(None if m is None else show_value(m) for m in found)
                )
            )
    return rows


def _attack_key(condition: Condition) -> tuple[object, ...]:
    """Return the attack whatever the corruption under it: name, budget, effort."""
    pair = split_crossed(condition)
    budget = formatting.format_allowance(condition)
    return (
        pair[1] if pair else condition.name,
        condition.axis,
        budget,
        *sorted(attack_effort(condition).items()),
    )


def _attack_name(condition: Condition) -> str:
    pair = split_crossed(condition)
    name = formatting.to_words(pair[1] if pair else condition.name) + formatting.format_origin(
        condition
    )
    budget = formatting.format_allowance(condition)
    return f"{name}, {budget}" if budget else name


def describe_transfers(view: ResultsView) -> tuple[str, ...]:
    """Describe which series got frames that were attacked on another engine.

    It also says what their figures are.
    """
    sources: dict[str, None] = {}
    for series in view.series:
        for cell in view.cells_of(series):
            source = cell.details.get("crafted_on")
            if "crafted_on" in cell.condition.parameters:  # a row of its own, which says so
                continue
            if (
                cell.condition.kind == "attack"
                and source
                and source != f"{cell.model}/{cell.engine}"
            ):
                same = str(source).startswith(f"{cell.model}/")
                what = (
                    "the same model (its deployed form)"
                    if same
                    else "another model: a transfer attack, no white-box figure"
                )
                sources[f"{series.label}: attacked with the gradients of {source}, {what}."] = None
    return tuple(sources)
