"""Corruption by severity: the value and the kept share of the clean value."""

from __future__ import annotations

from dataclasses import dataclass

from reports import formatting
from reports.results_view import HEADLINES, ResultsView, Series
from reports.shown_value import Value, show_value


@dataclass(frozen=True)
class HeatRow:
    """One corruption.

    Attributes:
        name: Name of the corruption.
        sensors: Sensors that it changes.
        cells: One value per severity, None where not run.
        kept: Mean share kept, '' where nothing can be lost.
    """

    name: str
    sensors: str
    cells: tuple[Value | None, ...]
    kept: str


@dataclass(frozen=True)
class Heatmap:
    """One model on one engine."""

    label: str
    style: int
    clean: Value
    severities: tuple[int, ...]
    rows: tuple[HeatRow, ...]


@dataclass(frozen=True)
class HeatGroup:
    """One metric, all models side by side."""

    title: str
    maps: tuple[Heatmap, ...]


def make_heatmaps(view: ResultsView, baseline: ResultsView | None) -> tuple[HeatGroup, ...]:
    """Make one group per charted metric, in the order of the first model's losses.

    Args:
        view: Look-ups over the results.
        baseline: Look-ups over the baseline, or None.
    """
    if not view.condition_names("corruption"):
        return ()
    severities = tuple(
        sorted(
            {c.condition.severity for c in view.results.cells if c.condition.kind == "corruption"}
        )
    )
    groups = []
    for metric in view.charted:
        order = view.by_loss(view.series[0], metric)
        maps = tuple(
            _map(view, baseline, series, metric, order, severities) for series in view.series
        )
        groups.append(
            HeatGroup(HEADLINES.get(metric, metric), tuple(m for m in maps if m is not None))
        )
    return tuple(group for group in groups if group.maps)


def _map(
    view: ResultsView,
    baseline: ResultsView | None,
    series: Series,
    metric: str,
    order: tuple[str, ...],
    severities: tuple[int, ...],
) -> Heatmap | None:
    ran = {point.condition.name for point in view.find_points(series, metric, "corruption")}
    if not ran:
        return None
    rows = tuple(
        _row(view, baseline, series, metric, name, severities) for name in order if name in ran
    )
    return Heatmap(
        series.label,
        series.style % 6,
        show_value(view.clean_metric(series, metric)),
        severities,
        rows,
    )


def _row(
    view: ResultsView,
    baseline: ResultsView | None,
    series: Series,
    metric: str,
    name: str,
    severities: tuple[int, ...],
) -> HeatRow:
    unused = name in view.unused_corruptions(series)
    clean = None if unused else view.clean_metric(series, metric)
    points = {
        point.condition.severity: point
        for point in view.find_points(series, metric, "corruption", name)
    }
    conditions = [point.condition for point in points.values()]
    sensors = next(
        (
            " + ".join(formatting.to_words(sensor) for sensor in c.sensors)
            for c in conditions
            if c.sensors
        ),
        "",
    )
    cells = []
    for severity in severities:
        point = points.get(severity)
        old = baseline.same_metric(series, metric, point) if baseline and point else None
        note = formatting.format_parameters(point.condition.parameters) if point else ""
        cells.append(show_value(point.metric, note, clean, old) if point else None)
    kept = view.retained_share(series, metric, name)
    share = "" if kept is None else formatting.format_percent(kept)
    return HeatRow(
        formatting.to_words(name),
        f"{sensors}: not used" if unused else sensors,
        tuple(cells),
        share,
    )


@dataclass(frozen=True)
class Scale:
    """Severities of one corruption in physical units, '' where one was not run."""

    name: str
    levels: tuple[str, ...]


def severity_scales(view: ResultsView) -> tuple[Scale, ...]:
    """Make one row per corruption, with one text per severity of the file."""
    conditions = [
        cell.condition for cell in view.results.cells if cell.condition.kind == "corruption"
    ]
    severities = sorted({condition.severity for condition in conditions})
    found = {
        (condition.name, condition.severity): formatting.format_parameters(condition.parameters)
        for condition in conditions
    }
    return tuple(
        Scale(
            formatting.to_words(name),
            tuple(found.get((name, severity), "") for severity in severities),
        )
        for name in view.condition_names("corruption")
    )
