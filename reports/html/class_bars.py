"""Bars by class: clean with its interval, mean over corruptions, worst corruption, and n."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reports import formatting
from reports.results_view import ResultsView, Series
from reports.schema import Metric
from reports.shown_value import Value, show_value
from reports.svg.drawn_series import SAME
from reports.svg.line_chart import top_of
from reports.svg.row_chart import RowChart, RowData, row_chart

FAMILIES = {
    "AP/": "3D detection, AP by class",
    "APH_L2/": "3D detection, Waymo's APH at LEVEL_2 by class and range",
    "IoU/": "Map segmentation, IoU by class",
}


@dataclass(frozen=True)
class ClassRow:
    """One class of one model."""

    name: str
    n: str
    clean: Value
    mean: Value
    worst: Value


@dataclass(frozen=True)
class ClassPanel:
    """One model on one engine, or on engines that agree."""

    label: str
    style: int
    chart: RowChart
    rows: tuple[ClassRow, ...]


@dataclass(frozen=True)
class ClassGroup:
    """One family of per-class metrics."""

    title: str
    panels: tuple[ClassPanel, ...]


def class_bars(view: ResultsView) -> tuple[ClassGroup, ...]:
    """Make AP, APH and IoU by class, in the order of the first model's clean values.

    A family without a defined value is left out.
    """
    groups = []
    for prefix, title in FAMILIES.items():
        members = [
            s for s in view.series if any(view.has_value(name) for name in _names(view, s, prefix))
        ]
        if members:
            shown_once = _joined(view, members, prefix)
            names = list(dict.fromkeys(name for s in members for name in _names(view, s, prefix)))
            top = top_of([view.clean_metric(s, name) for s in members for name in names])
            panels = tuple(_panel(view, s, names, prefix, top, title) for s in shown_once)
            groups.append(ClassGroup(title, panels))
    return tuple(groups)


def _joined(view: ResultsView, members: list[Series], prefix: str) -> list[Series]:
    """Join engines of a model that show the same to one series, that with the most values first."""
    groups: list[list[Series]] = []
    for series in members:
        for group in groups:
            if _repeats(view, group[0], series, prefix):
                group.append(series)
                break
            if _repeats(view, series, group[0], prefix):
                group.insert(0, series)
                break
        else:
            groups.append([series])
    return [
        replace(group[0], label=" = ".join(series.label for series in group)) for group in groups
    ]


def _repeats(view: ResultsView, one: Series, other: Series, prefix: str) -> bool:
    """Say whether `one` shows all that `other` of its model shows, with nearly the same values."""
    if one.model != other.model:
        return False
    for name in _names(view, other, prefix):
        for ours, theirs in zip(_three(view, one, name), _three(view, other, name), strict=True):
            if theirs is not None and (
                ours is None
                or (ours.value is None) != (theirs.value is None)
                or abs((ours.value or 0.0) - (theirs.value or 0.0)) >= SAME
            ):
                return False
    return True


def _three(
    view: ResultsView, series: Series, name: str
) -> tuple[Metric | None, Metric | None, Metric | None]:
    """Return the values clean, mean over corruptions, and worst corruption."""
    worst = view.worst_point(series, name, "corruption")
    return (
        view.clean_metric(series, name),
        view.corruption_mean(series, name),
        worst.metric if worst else None,
    )


def _names(view: ResultsView, series: Series, prefix: str) -> list[str]:
    """List the class metrics of the clean cell, best first, undefined ones last."""
    clean = [c for c in view.cells_of(series) if c.condition.kind == "clean"]
    found = {
        name: metric
        for cell in clean
        for name, metric in cell.metrics.items()
        if name.startswith(prefix)
    }
    return sorted(found, key=lambda n: (found[n].value is None, -(found[n].value or 0.0), n))


def _panel(
    view: ResultsView, series: Series, names: list[str], prefix: str, top: float, title: str
) -> ClassPanel:
    data, rows = [], []
    for name in names:
        clean, mean, lowest = _three(view, series, name)
        worst = view.worst_point(series, name, "corruption")
        n = (
            ""
            if clean is None or clean.n_objects is None
            else formatting.format_plain(clean.n_objects)
        )
        label = formatting.to_words(name.removeprefix(prefix))
        marks = (
            ("mean", "mean over corruptions", mean),
            ("worst", "worst corruption", lowest),
        )
        data.append(RowData(label, f"n {n}" if n else "", clean, marks, bar=True))
        note = formatting.format_condition(worst.condition) if worst else ""
        rows.append(
            ClassRow(
                label,
                n,
                show_value(clean),
                show_value(mean, clean=clean),
                show_value(lowest, note, clean),
            )
        )
    chart = row_chart(
        f"{title}, {series.label}",
        data,
        top,
        series.style,
        134,
        360,
        30 if prefix.startswith("AP") else 24,
    )
    return ClassPanel(series.label, series.style % 6, chart, tuple(rows))
