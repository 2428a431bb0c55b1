"""Severity curves on the physical axis, all models overlaid; and the same layout for attacks against their budget."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from reports import formatting
from reports.html.chart import Chart, Line, line_chart, ordered_levels, top_of
from reports.html.value import Value, shown
from reports.view import HEADLINES, Point, Series, View, condition_key, is_control, level

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
    """A chart with the table behind it: a row per place of the axis, a column per series."""

    name: str
    sensors: str
    chart: Chart
    columns: tuple[str, ...]
    rows: tuple[TableRow, ...]


@dataclass(frozen=True)
class PanelGroup:
    """All panels of one metric, on one y axis."""

    title: str
    panels: tuple[Panel, ...]


def drawn(view: View, kind: str) -> tuple[Series, ...]:
    """The series that have a line in the charts of a kind; one for engines of a model that agree (see `SAME`)."""
    groups: list[list[Series]] = []
    for series in view.series:
        if any(c.condition.kind == kind and view.uses(series, c.condition) for c in view.cells(series)):
            same = next((group for group in groups if _agree(view, kind, group[0], series)), None)
            groups.append([series]) if same is None else same.append(series)
    return tuple(replace(group[0], label=" = ".join(series.label for series in group)) for group in groups)


def _agree(view: View, kind: str, one: Series, other: Series) -> bool:
    """Whether two engines of a model have the same conditions and nearly the same values."""
    if one.model != other.model:
        return False
    for metric in view.charted:
        ours, theirs = (
            {condition_key(p.condition): p.metric.value for k in ("clean", kind) for p in view.points(s, metric, k)}
            for s in (one, other)
        )
        if ours.keys() != theirs.keys():
            return False
        for key, value in ours.items():
            match = theirs[key]
            if (value is None) != (match is None) or abs((value or 0.0) - (match or 0.0)) >= SAME:
                return False
    return True


def severity_curves(view: View) -> tuple[PanelGroup, ...]:
    """One group per charted metric, one panel per corruption."""
    groups = []
    for metric in view.charted:
        members = [
            (name, [(s, name, False) for s in drawn(view, "corruption")])
            for name in view.by_loss(view.series[0], metric)
        ]
        groups.append(_group(view, metric, "corruption", members))
    return tuple(group for group in groups if group.panels)


def attack_curves(view: View) -> tuple[PanelGroup, ...]:
    """One group per charted metric, one panel per attack, with the random-noise control of the same budget dashed."""
    groups = []
    conditions = {cell.condition.name: cell.condition for cell in view.results.cells if cell.condition.kind == "attack"}
    for metric in view.charted:
        members = []
        matched: set[str] = set()
        for name, condition in conditions.items():
            if is_control(condition):
                continue
            controls = [
                n
                for n, c in conditions.items()
                if is_control(c) and (c.axis, c.sensors) == (condition.axis, condition.sensors)
            ]
            matched.update(controls)
            members.append((name, [(s, n, n != name) for s in drawn(view, "attack") for n in (name, *controls)]))
        alone = [name for name, condition in conditions.items() if is_control(condition) and name not in matched]
        members += [(name, [(s, name, True) for s in drawn(view, "attack")]) for name in alone]
        groups.append(_group(view, metric, "attack", members))
    return tuple(group for group in groups if group.panels)


Member = tuple[str, list[tuple[Series, str, bool]]]


def _group(view: View, metric: str, kind: str, members: Sequence[Member]) -> PanelGroup:
    points = [p for s in view.series for p in view.points(s, metric, kind)]
    top = top_of([p.metric for p in points] + [view.clean(s, metric) for s in view.series])
    panels = (_panel(view, metric, kind, name, lines, top) for name, lines in members)
    return PanelGroup(HEADLINES.get(metric, metric), tuple(panel for panel in panels if panel is not None))


def _panel(
    view: View, metric: str, kind: str, name: str, members: list[tuple[Series, str, bool]], top: float
) -> Panel | None:
    found = [(s, n, control, list(view.points(s, metric, kind, n))) for s, n, control in members]
    found = [member for member in found if member[3] and view.uses(member[0], member[3][0].condition)]
    if not found:
        return None
    condition = found[0][3][0].condition
    place, axis = _axis([points for *_, points in found])
    lines, columns = [], []
    for series, member, control, unsorted in found:
        points = _worst_at_each_place(unsorted, place)
        suffix = "" if member == name else f", {formatting.words(member)}"
        line = Line(
            label=series.label + suffix,
            style=series.style,
            control=control,
            clean=view.clean(series, metric),
            levels=tuple(place(point) for point in points),
            metrics=tuple(point.metric for point in points),
        )
        lines.append(line)
        columns.append((line.label, line.clean, {place(point): point.metric for point in points}))
    title = formatting.words(name)
    levels = ordered_levels(lines)
    texts = {lv: formatting.place(lv, axis) for lv in levels}
    return Panel(
        name=title,
        sensors=" + ".join(formatting.words(sensor) for sensor in condition.sensors),
        chart=line_chart(f"{metric} under {title} against {axis}", axis, lines, top, WIDTH, HEIGHT, texts),
        columns=tuple(label for label, _, _ in columns),
        rows=(
            TableRow("clean", tuple(shown(clean) for _, clean, _ in columns)),
            *(TableRow(texts[lv], tuple(shown(at[lv]) if lv in at else None for _, _, at in columns)) for lv in levels),
        ),
    )


def _axis(lines: list[list[Point]]) -> tuple[Place, str]:
    """The physical axis, where it is a number that differs with severity; else the severity."""
    condition = lines[0][0].condition
    distinct = all(
        len({level(p.condition) for p in points}) >= len({p.condition.severity for p in points}) for points in lines
    )
    numeric = all(
        isinstance(p.condition.parameters.get(p.condition.axis or ""), (int, float)) for points in lines for p in points
    )
    if numeric and distinct:
        return lambda point: level(point.condition), formatting.axis(condition.axis or "", condition.unit)
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
            if cell.condition.kind == "attack" and source and source != f"{cell.model}/{cell.engine}":
                same = str(source).startswith(f"{cell.model}/")
                what = (
                    "the same model (its deployed form)"
                    if same
                    else "another model: a transfer attack, no white-box figure"
                )
                sources[f"{series.label}: attacked with the gradients of {source}, {what}."] = None
    return tuple(sources)
