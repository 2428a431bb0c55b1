"""Curves over a physical parameter, and the table of where each metric falls to half."""

from __future__ import annotations

from dataclasses import dataclass

from reports import formatting, half_values
from reports.conditions import level_on_axis
from reports.results_view import HEADLINES, Point, ResultsView, Series
from reports.schema import Curve, Metric
from reports.shown_value import Value, show_value
from reports.svg.curve_panels import HEIGHT, WIDTH, Panel, TableRow
from reports.svg.drawn_series import select_series
from reports.svg.line_chart import Line, line_chart, top_of


@dataclass(frozen=True)
class HalfRow:
    """One model on one engine: where each metric halves, None where it was not measured."""

    label: str
    values: tuple[Value | None, ...]


@dataclass(frozen=True)
class ParameterCurve:
    """The curves of one corruption.

    Attributes:
        title: Name of the corruption.
        sensors: Sensors that it changes.
        axis: Label of the parameter.
        panels: One panel for each metric.
        metrics: Names of the metrics.
        rows: Where each metric falls to half, for each series.
        methods: How the intervals were made.
    """

    title: str
    sensors: str
    axis: str
    panels: tuple[Panel, ...]
    metrics: tuple[str, ...]
    rows: tuple[HalfRow, ...]
    methods: tuple[str, ...]


def parameter_curves(view: ResultsView) -> tuple[ParameterCurve, ...]:
    """One entry per corruption that has curves, in the order of the file."""
    return tuple(
        _parameter_curve(view, name)
        for name in dict.fromkeys(curve.name for curve in view.results.curves)
    )


def _parameter_curve(view: ResultsView, name: str) -> ParameterCurve:
    curves = {key: curve for key, curve in view.curves.items() if key[2] == name}
    first = next(iter(curves.values()))
    metrics = tuple(m for m in view.metrics if any(m in curve.half for curve in curves.values()))
    sensors = next(
        (p.condition.sensors for s in view.series for p in _points(view, s, metrics[:1], name)), ()
    )
    rows = [(s.label, curves.get((s.model, s.engine, name))) for s in view.series]
    return ParameterCurve(
        title=formatting.to_words(name),
        sensors=" + ".join(formatting.to_words(sensor) for sensor in sensors),
        axis=formatting.format_axis(first.axis, first.unit),
        panels=tuple(
            panel
            for panel in (_panel(view, metric, name) for metric in metrics)
            if panel is not None
        ),
        metrics=metrics,
        rows=tuple(
            HalfRow(label, tuple(half_value(curve.half.get(m)) for m in metrics))
            for label, curve in rows
            if curve
        ),
        methods=tuple(
            sorted(
                {
                    half_values.split_method(half)[0]
                    for curve in curves.values()
                    for half in curve.half.values()
                    if half.lo is not None
                }
            )
        ),
    )


def half_value(metric: Metric | None) -> Value | None:
    """Show '87.3 m [71, 102]', and why it or its interval is missing or was cut."""
    if metric is None:
        return None
    found = half_values.describe_half(metric)
    return Value(text=found.place, interval=found.interval, note=found.note)


def _points(view: ResultsView, series: Series, metrics: tuple[str, ...], name: str) -> list[Point]:
    return [
        point for metric in metrics for point in view.find_points(series, metric, "curve", name)
    ]


def _panel(view: ResultsView, metric: str, name: str) -> Panel | None:
    """Make the panel of a metric, or None where no drawn series has this curve.

    All engines that agree are one line, as in the severity curves.
    """
    found: list[tuple[Series, Curve, dict[float, Metric]]] = []
    for series in select_series(view, "curve"):
        curve = view.curves.get((series.model, series.engine, name))
        if curve is not None and metric in curve.half:
            measured = {
                level_on_axis(p.condition): p.metric for p in _points(view, series, (metric,), name)
            }
            found.append((series, curve, measured))
    if not found:
        return None
    curve = found[0][1]
    lines = [
        Line(
            label=series.label,
            style=series.style,
            control=False,
            clean=view.clean_metric(series, metric),
            levels=tuple(value for value in own.values if value in measured),
            metrics=tuple(measured[value] for value in own.values if value in measured),
            half=own.half[metric],
        )
        for series, own, measured in found
    ]
    axis = formatting.format_axis(curve.axis, curve.unit)
    texts = {value: formatting.format_place(value, axis) for value in curve.values}
    top = top_of([m for line in lines for m in (line.clean, *line.metrics)])
    title = f"{metric} under {formatting.to_words(name)} against {axis}"
    return Panel(
        name=HEADLINES.get(metric, metric),
        sensors="",
        chart=line_chart(
            title, axis, lines, top, WIDTH, HEIGHT, texts, logarithmic=curve.scale == "log"
        ),
        columns=tuple(line.label for line in lines),
        rows=(
            TableRow("clean", tuple(show_value(line.clean) for line in lines)),
            *(
                TableRow(
                    texts[value],
                    tuple(show_value(at[value]) if value in at else None for _, _, at in found),
                )
                for value in curve.values
            ),
        ),
    )
