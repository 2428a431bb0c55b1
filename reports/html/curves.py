"""Severity curves on the physical axis, all models overlaid; and the same layout for attacks against their budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reports import formatting
from reports.html.chart import Chart, Line, line_chart, top_of
from reports.html.value import Value, shown
from reports.view import HEADLINES, Point, Series, View, is_control, level

WIDTH, HEIGHT = 360.0, 230.0


@dataclass(frozen=True)
class TableRow:
    """A line of a chart as a row of numbers; the first is the clean value."""

    label: str
    style: int
    values: tuple[Value | None, ...]


@dataclass(frozen=True)
class Panel:
    """A chart with the table behind it."""

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


def severity_curves(view: View) -> tuple[PanelGroup, ...]:
    """One group per charted metric, one panel per corruption."""
    groups = []
    for metric in view.charted:
        members = [(name, [(s, name, False) for s in view.series]) for name in view.by_loss(view.series[0], metric)]
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
            members.append((name, [(s, n, n != name) for s in view.series for n in (name, *controls)]))
        alone = [name for name, condition in conditions.items() if is_control(condition) and name not in matched]
        members += [(name, [(s, name, True) for s in view.series]) for name in alone]
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
    lines: list[Line] = []
    rows: list[tuple[Line, list[Point]]] = []
    condition = None
    for series, member, control in members:
        points = _along_axis(view.points(series, metric, kind, member))
        if not points:
            continue
        condition = condition or points[0].condition
        label = series.label if member == name else f"{series.label}, {formatting.words(member)}"
        line = Line(
            label, series.style, control, view.clean(series, metric),
            tuple(level(p.condition) for p in points), tuple(p.metric for p in points),
        )  # fmt: skip
        lines.append(line)
        rows.append((line, points))
    if condition is None:
        return None
    title = formatting.words(name)
    on_axis = condition.axis is not None and isinstance(condition.parameters.get(condition.axis), (int, float))
    axis = formatting.axis(condition.axis or "", condition.unit) if on_axis else "severity"
    chart = line_chart(f"{metric} under {title} against {axis}", axis, lines, top, WIDTH, HEIGHT)
    levels = list(dict.fromkeys(lv for line in lines for lv in line.levels))
    table = tuple(_row(line, points, levels) for line, points in rows)
    sensors = " + ".join(formatting.words(sensor) for sensor in condition.sensors)
    return Panel(title, sensors, chart, ("clean", *(formatting.plain(lv) for lv in levels)), table)


def _along_axis(points: tuple[Point, ...]) -> list[Point]:
    """By severity where severities differ, else by the physical value (an attack's budget); the worst of equal places."""
    if len({p.condition.severity for p in points}) < len(points):
        points = tuple(
            sorted(points, key=lambda p: (level(p.condition), p.metric.value is not None, p.metric.value or 0.0))
        )
        points = tuple({level(p.condition): p for p in reversed(points)}.values())[::-1]
    return list(points)


def _row(line: Line, points: list[Point], levels: list[float]) -> TableRow:
    at = {level(p.condition): p for p in points}
    values = tuple(
        shown(at[lv].metric, formatting.parameters(at[lv].condition.parameters)) if lv in at else None for lv in levels
    )
    return TableRow(line.label, line.style % 6, (shown(line.clean), *values))
