"""Per-class bars: clean as a bar with its interval, mean over corruptions and worst corruption as marks, with n."""

from __future__ import annotations

from dataclasses import dataclass

from reports import formatting
from reports.html.chart import top_of
from reports.html.rows import RowChart, RowData, row_chart
from reports.html.value import Value, shown
from reports.view import Series, View

FAMILIES = {"AP/": "3D detection, AP by class", "IoU/": "Map segmentation, IoU by class"}


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
    """One model on one engine."""

    label: str
    style: int
    chart: RowChart
    rows: tuple[ClassRow, ...]


@dataclass(frozen=True)
class ClassGroup:
    """One family of per-class metrics."""

    title: str
    panels: tuple[ClassPanel, ...]


def class_bars(view: View) -> tuple[ClassGroup, ...]:
    """AP and IoU by class, the classes in the order of the first model's clean values; nothing where none is defined."""
    groups = []
    for prefix, title in FAMILIES.items():
        members = [s for s in view.series if any(view.defined(name) for name in _names(view, s, prefix))]
        if members:
            names = list(dict.fromkeys(name for s in members for name in _names(view, s, prefix)))
            top = top_of([view.clean(s, name) for s in members for name in names])
            panels = tuple(_panel(view, s, names, prefix, top, title) for s in members)
            groups.append(ClassGroup(title, panels))
    return tuple(groups)


def _names(view: View, series: Series, prefix: str) -> list[str]:
    """The class metrics of the clean cell, best first, undefined ones last."""
    clean = [c for c in view.cells(series) if c.condition.kind == "clean"]
    found = {name: metric for cell in clean for name, metric in cell.metrics.items() if name.startswith(prefix)}
    return sorted(found, key=lambda n: (found[n].value is None, -(found[n].value or 0.0), n))


def _panel(view: View, series: Series, names: list[str], prefix: str, top: float, title: str) -> ClassPanel:
    data, rows = [], []
    for name in names:
        clean, mean, worst = (
            view.clean(series, name),
            view.corruption_mean(series, name),
            view.worst(series, name, "corruption"),
        )
        n = "" if clean is None or clean.n_objects is None else formatting.plain(clean.n_objects)
        label = formatting.words(name.removeprefix(prefix))
        marks = (
            ("mean", "mean over corruptions", mean),
            ("worst", "worst corruption", worst.metric if worst else None),
        )
        data.append(RowData(label, f"n {n}" if n else "", clean, marks, bar=True))
        note = formatting.condition(worst.condition) if worst else ""
        rows.append(
            ClassRow(
                label, n, shown(clean), shown(mean, clean=clean), shown(worst.metric if worst else None, note, clean)
            )
        )
    chart = row_chart(f"{title}, {series.label}", data, top, series.style, 134, 360, 30 if prefix == "AP/" else 24)
    return ClassPanel(series.label, series.style % 6, chart, tuple(rows))
