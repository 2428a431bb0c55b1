"""Severity curves on the physical axis, all models overlaid; and the same layout for attacks against their budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from reports import formatting, sanity
from reports.conditions import condition_key, crossed, is_control, level
from reports.html.attacks import allowances, attack_metrics, effort, title_of
from reports.html.chart import Chart, Line, line_chart, ordered_levels, top_of
from reports.html.value import Value, shown
from reports.schema import Condition
from reports.view import Point, Series, View

Place = Callable[[Point], float]
WIDTH, HEIGHT = 360.0, 230.0


SAME = 0.005
"""Series of one model that differ by less than this (half a percentage point) everywhere are drawn as one line."""


@dataclass(frozen=True)
class TableRow:
    """The numbers at one place of the axis, one per column; None where a series was not run there."""

    level: str
    values: tuple[Value | None, ...]


@dataclass(frozen=True)
class Panel:
    """A chart with the table behind it: a row per place of the axis, a column per series. suspect: see `reports.sanity`."""

    name: str
    sensors: str
    chart: Chart
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]
    suspect: str = ""


@dataclass(frozen=True)
class PanelGroup:
    """All panels of one metric, on one y axis."""

    title: str
    panels: tuple[Panel, ...]


def drawn(view: View, kind: str) -> tuple[Series, ...]:
    """The series that have a line in the charts of a kind; one for engines of a model that agree (see `SAME`)."""
    groups: dict[tuple[object, ...], list[list[tuple[Series, Values]]]] = {}
    for series in view.series:
        if any(
            c.condition.kind == kind and view.uses(series, c.condition) for c in view.cells(series)
        ):
            values = _values(view, kind, series)
            alike = groups.setdefault((series.model, frozenset(values)), [])
            same = next((group for group in alike if _agree(group[0][1], values)), None)
            if same is None:
                alike.append([(series, values)])
            else:
                same.append((series, values))
    found = [[series for series, _ in group] for alike in groups.values() for group in alike]
    found.sort(key=lambda group: group[0].style)  # in the order of the file
    return tuple(
        replace(group[0], label=" = ".join(series.label for series in group)) for group in found
    )


Values = dict[tuple[object, ...], float | None]
"""The values of one series, by metric and condition."""


def _values(view: View, kind: str, series: Series) -> Values:
    metrics = attack_metrics(view) if kind == "attack" else view.charted
    return {
        (metric, *condition_key(point.condition)): point.metric.value
        for metric in metrics
        for one in ("clean", kind)
        for point in view.points(series, metric, one)
    }


def _agree(ours: Values, theirs: Values) -> bool:
    """Whether two engines of a model, with the same conditions, have nearly the same values."""
    return all(
        (value is None) == (theirs[key] is None)
        and abs((value or 0.0) - (theirs[key] or 0.0)) < SAME
        for key, value in ours.items()
    )


def severity_curves(view: View) -> tuple[PanelGroup, ...]:
    """One group per charted metric, one panel per corruption."""
    groups, lines = [], drawn(view, "corruption")
    for metric in view.charted:
        members = [
            (formatting.words(name), [Member(series, name, False) for series in lines])
            for name in view.by_loss(view.series[0], metric)
        ]
        groups.append(_group(view, metric, "corruption", members))
    return tuple(group for group in groups if group.panels)


@dataclass(frozen=True)
class Member:
    """One line of a panel: a series under conditions of one name; only under `conditions`, where given.

    extra: Stands behind the label of the series.
    """

    series: Series
    name: str
    control: bool
    conditions: tuple[Condition, ...] | None = None
    extra: str = ""


def attack_curves(view: View) -> tuple[PanelGroup, ...]:
    """One group per metric, one panel per attack of one effort, with the random-noise control of the same budget dashed.

    Attacks that differ in anything but their budget (objective, steps, restarts ...) have panels of their own.
    """
    conditions = [
        c
        for cell in view.results.cells
        if (c := cell.condition).kind == "attack" and crossed(c) is None
    ]
    variants = _variants([condition for condition in conditions if not is_control(condition)])
    controls = _variants([condition for condition in conditions if is_control(condition)])
    titled: list[tuple[str, list[Member]]] = []
    same_budget: dict[tuple[object, ...], list[tuple[str, list[Condition]]]] = {}
    for title, found in controls:
        same_budget.setdefault(_budget_kind(found[0]), []).append((title, found))
    matched: set[str] = set()
    shown_series = drawn(view, "attack")
    for title, members in variants:
        same = same_budget.get(_budget_kind(members[0]), [])
        matched.update(name for name, _ in same)
        lines = []
        for series in shown_series:
            lines.append(Member(series, members[0].name, False, _distinct(members)))
            lines += [
                Member(series, found[0].name, True, _distinct(found), f", {name}")
                for name, found in same
            ]
        titled.append((title, lines))
    for title, members in controls:
        if title not in matched:
            lines = [Member(s, members[0].name, True, _distinct(members)) for s in shown_series]
            titled.append((title, lines))
    groups = [_group(view, metric, "attack", titled) for metric in attack_metrics(view)]
    return tuple(group for group in groups if group.panels)


def _variants(conditions: Sequence[Condition]) -> list[tuple[str, list[Condition]]]:
    """Conditions that differ in their budget only, with a title that says what else tells them from others of their name."""
    groups: dict[tuple[object, ...], list[Condition]] = {}
    others: dict[tuple[object, ...], set[tuple[object, ...]]] = {}
    for condition in conditions:
        place = (*_same_effort(condition), level(condition))
        others.setdefault(place, set()).add(_other_allowances(condition))
    for condition in conditions:
        key = _same_effort(condition)
        place = (*key, level(condition))
        told_apart = len(others[place]) > 1
        groups.setdefault((*key, *(_other_allowances(condition) if told_apart else ())), []).append(
            condition
        )
    by_name: dict[str, list[list[Condition]]] = {}
    for found in groups.values():
        by_name.setdefault(found[0].name, []).append(found)
    return [titled for family in by_name.values() for titled in _titled(family)]


def _same_effort(condition: Condition) -> tuple[object, ...]:
    """What conditions of one curve share: name, axis and effort."""
    return (condition.name, condition.axis, *sorted(effort(condition).items()))


def _other_allowances(condition: Condition) -> tuple[object, ...]:
    """The allowances besides the one on the axis."""
    return tuple(sorted((n, v) for n, v in allowances(condition).items() if n != condition.axis))


def _titled(family: list[list[Condition]]) -> list[tuple[str, list[Condition]]]:
    """Each with its title: 'camera PGD', 'camera PGD, steps 50', with the parameters that differ within the family."""
    firsts = [conditions[0] for conditions in family]
    names = {name for first in firsts for name in first.parameters}
    differ = {name for name in names if len({first.parameters.get(name) for first in firsts}) > 1}
    return [(_title(conditions, differ), conditions) for conditions in family]


def _title(conditions: list[Condition], differ: set[str]) -> str:
    first = conditions[0]
    differing = {
        name: value
        for name, value in first.parameters.items()
        if name in differ
        and name not in (first.axis, "crafted_on")
        and all(c.parameters.get(name) == value for c in conditions)
    }
    if "steps" in differing:  # what follows from it
        differing.pop("step_share", None)
    shown = formatting.parameters(differing)
    return formatting.words(first.name) + formatting.origin(first) + (f", {shown}" if shown else "")


def _budget_kind(condition: Condition) -> tuple[object, ...]:
    """What an attack and its random-noise control share."""
    return (condition.axis, condition.sensors, *sorted(allowances(condition)))


def _distinct(conditions: Sequence[Condition]) -> tuple[Condition, ...]:
    """Each test once, whatever the engines and seeds that it was run with."""
    return tuple({condition_key(condition): condition for condition in conditions}.values())


def _group(
    view: View, metric: str, kind: str, titled: Sequence[tuple[str, list[Member]]]
) -> PanelGroup:
    points = [p for s in view.series for p in view.points(s, metric, kind)]
    top = top_of([p.metric for p in points] + [view.clean(s, metric) for s in view.series])
    panels = (_panel(view, metric, kind, title, lines, top) for title, lines in titled)
    return PanelGroup(title_of(metric), tuple(panel for panel in panels if panel is not None))


def _panel(
    view: View, metric: str, kind: str, title: str, members: list[Member], top: float
) -> Panel | None:
    found = [(member, _points(view, metric, kind, member)) for member in members]
    found = [
        (m, points) for m, points in found if points and view.uses(m.series, points[0].condition)
    ]
    if not found:
        return None
    condition = found[0][1][0].condition
    place, axis = _axis([points for _, points in found])
    lines, columns = [], []
    for member, unsorted in found:
        points = _worst_at_each_place(unsorted, place)
        line = Line(
            label=member.series.label + member.extra,
            style=member.series.style,
            control=member.control,
            clean=view.clean(member.series, metric),
            levels=tuple(place(point) for point in points),
            metrics=tuple(point.metric for point in points),
        )
        lines.append(line)
        columns.append((line.label, line.clean, {place(point): point.metric for point in points}))
    levels = ordered_levels(lines)
    texts = {lv: formatting.place(lv, axis) for lv in levels}
    failed = [
        check
        for m, points in found
        for p in points
        for check in sanity.suspect_condition(view, m.series, p.condition)
    ]
    with_clean = any(line.clean is not None for line in lines)
    return Panel(
        name=title,
        sensors=" + ".join(formatting.words(sensor) for sensor in condition.sensors),
        chart=line_chart(
            f"{metric} under {title} against {axis}",
            axis,
            lines,
            top,
            WIDTH,
            HEIGHT,
            texts,
            beside=kind == "attack",
        ),
        columns=tuple(label for label, _, _ in columns),
        rows=(
            *(
                (TableRow("clean", tuple(shown(clean) for _, clean, _ in columns)),)
                if with_clean
                else ()
            ),
            *(
                TableRow(
                    texts[lv], tuple(shown(at[lv]) if lv in at else None for _, _, at in columns)
                )
                for lv in levels
            ),
        ),
        suspect=sanity.badge(tuple(dict.fromkeys(failed))),
    )


def _points(view: View, metric: str, kind: str, member: Member) -> list[Point]:
    if member.conditions is None:
        return list(view.points(member.series, metric, kind, member.name))
    found = (view.point(member.series, metric, condition) for condition in member.conditions)
    return sorted((point for point in found if point), key=lambda point: point.condition.severity)


def _axis(lines: list[list[Point]]) -> tuple[Place, str]:
    """The physical axis, where it is a number that differs with severity; else the severity."""
    condition = lines[0][0].condition
    distinct = all(
        len({level(p.condition) for p in points}) >= len({p.condition.severity for p in points})
        for points in lines
    )
    numeric = all(
        isinstance(p.condition.parameters.get(p.condition.axis or ""), (int, float))
        for points in lines
        for p in points
    )
    if numeric and distinct:
        return lambda point: level(point.condition), formatting.axis(
            condition.axis or "", condition.unit
        )
    return lambda point: float(point.condition.severity), "severity"


def _worst_at_each_place(points: list[Point], place: Place) -> list[Point]:
    """From mild to severe; of several conditions at one place (attacks that differ in their steps) the worst."""
    rising = sorted(points, key=lambda p: (place(p), p.metric.value is None, p.metric.value or 0.0))
    first: dict[float, Point] = {}
    for point in rising:
        first.setdefault(place(point), point)
    falls = (
        len(points) > 1
        and points[0].condition.severity != points[-1].condition.severity
        and place(points[0]) > place(points[-1])
    )
    kept = list(first.values())
    return kept[::-1] if falls else kept


def transfers(view: View) -> tuple[str, ...]:
    """Which series were shown frames that were attacked on another engine, and what their figures are."""
    sources: dict[str, None] = {}
    for series in view.series:
        for cell in view.cells(series):
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
