"""Panels of curves: a chart of one metric under one condition, with the table of its numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reports import formatting, sanity_verdict
from reports.attack_parameters import title_of
from reports.conditions import level_on_axis
from reports.results_view import Point, ResultsView, Series
from reports.schema import Condition
from reports.shown_value import Value, show_value
from reports.svg.line_chart import Chart, Line, line_chart, ordered_levels, top_of

Place = Callable[[Point], float]
WIDTH, HEIGHT = 360.0, 230.0


@dataclass(frozen=True)
class TableRow:
    """The numbers at one place of the axis.

    Attributes:
        level: Text of the place.
        values: One per column, None where a series was not run there.
    """

    level: str
    values: tuple[Value | None, ...]


@dataclass(frozen=True)
class Panel:
    """A chart with the table behind it: a row per place of the axis, a column per series.

    Attributes:
        name: Title of the panel.
        sensors: Sensors that change.
        chart: The chart.
        columns: Labels of the columns.
        rows: The rows.
        suspect: Badge of `reports.sanity_verdict`, or ''.
    """

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


@dataclass(frozen=True)
class Member:
    """One line of a panel: a series under conditions of one name.

    Attributes:
        series: The series.
        name: Name of the conditions.
        control: Whether it is a random control.
        conditions: Only these conditions. Default: all of the name.
        extra: Text behind the label of the series.
    """

    series: Series
    name: str
    control: bool
    conditions: tuple[Condition, ...] | None = None
    extra: str = ""


def make_group(
    view: ResultsView, metric: str, kind: str, titled: Sequence[tuple[str, list[Member]]]
) -> PanelGroup:
    """Lay out all panels of one metric on a common y axis.

    Args:
        view: Look-ups over the results.
        metric: Name of the metric.
        kind: Kind of the conditions, e.g. "corruption".
        titled: Title and lines of each panel. A panel without any value is left out.

    Returns:
        The panels, in their order.
    """
    points = [p for s in view.series for p in view.find_points(s, metric, kind)]
    top = top_of([p.metric for p in points] + [view.clean_metric(s, metric) for s in view.series])
    panels = (_panel(view, metric, kind, title, lines, top) for title, lines in titled)
    return PanelGroup(title_of(metric), tuple(panel for panel in panels if panel is not None))


def _panel(
    view: ResultsView, metric: str, kind: str, title: str, members: list[Member], top: float
) -> Panel | None:
    found = [(member, _points(view, metric, kind, member)) for member in members]
    found = [
        (m, points)
        for m, points in found
        if points and view.uses_sensors_of(m.series, points[0].condition)
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
            clean=view.clean_metric(member.series, metric),
            levels=tuple(place(point) for point in points),
            metrics=tuple(point.metric for point in points),
        )
        lines.append(line)
        columns.append((line.label, line.clean, {place(point): point.metric for point in points}))
    levels = ordered_levels(lines)
    texts = {lv: formatting.format_place(lv, axis) for lv in levels}
    failed = [
        check
        for m, points in found
        for p in points
        for check in sanity_verdict.suspect_condition(view, m.series, p.condition)
    ]
    with_clean = any(line.clean is not None for line in lines)
    return Panel(
        name=title,
        sensors=" + ".join(formatting.to_words(sensor) for sensor in condition.sensors),
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
                (TableRow("clean", tuple(show_value(clean) for _, clean, _ in columns)),)
                if with_clean
                else ()
            ),
            *(
                TableRow(
                    texts[lv],
                    tuple(show_value(at[lv]) if lv in at else None for _, _, at in columns),
                )
                for lv in levels
            ),
        ),
        suspect=sanity_verdict.suspect_badge(tuple(dict.fromkeys(failed))),
    )


def _points(view: ResultsView, metric: str, kind: str, member: Member) -> list[Point]:
    if member.conditions is None:
        return list(view.find_points(member.series, metric, kind, member.name))
    found = (view.find_point(member.series, metric, condition) for condition in member.conditions)
    return sorted((point for point in found if point), key=lambda point: point.condition.severity)


def _axis(lines: list[list[Point]]) -> tuple[Place, str]:
    """Return the physical axis, or the severity.

    The axis must be a number that differs with severity.
    """
    condition = lines[0][0].condition
    distinct = all(
        len({level_on_axis(p.condition) for p in points})
        >= len({p.condition.severity for p in points})
        for points in lines
    )
    numeric = all(
        isinstance(p.condition.parameters.get(p.condition.axis or ""), (int, float))
        for points in lines
        for p in points
    )
    if numeric and distinct:
        return lambda point: level_on_axis(point.condition), formatting.format_axis(
            condition.axis or "", condition.unit
        )
    return lambda point: float(point.condition.severity), "severity"


def _worst_at_each_place(points: list[Point], place: Place) -> list[Point]:
    """Order points from mild to severe, and keep the worst at each place.

    Attacks that differ in their steps are at one place.
    """
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
