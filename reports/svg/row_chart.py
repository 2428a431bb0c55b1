"""Geometry of the row charts: a bar or dots per model or class, on a common axis from 0."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reports import formatting
from reports.schema import Metric
from reports.svg.line_chart import Tick, round_steps

X = Callable[[float], float]
DODGE = {"worst": -6.0, "attack": 6.0}  # so that equal values do not hide each other
RIGHT, TOP, AXIS = 24.0, 8.0, 26.0  # "100 %" under the end of the axis is 34 wide


@dataclass(frozen=True)
class Dot:
    """A marker of the kind 'clean', 'mean', 'worst' or 'attack', each with a shape of its own."""

    kind: str
    x: float
    y: float
    title: str


@dataclass(frozen=True)
class Row:
    """A row in SVG coordinates."""

    y: float
    label: str
    note: str
    bar: float | None
    lo: float | None
    hi: float | None
    dots: tuple[Dot, ...]
    missing: str


@dataclass(frozen=True)
class RowChart:
    """A whole chart in SVG coordinates."""

    title: str
    width: float
    height: float
    left: float
    bottom: float
    style: int
    ticks: tuple[Tick, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class RowData:
    """What to draw in a row. `bar` draws the clean value as a bar instead of a dot."""

    label: str
    note: str
    clean: Metric | None
    dots: tuple[tuple[str, str, Metric | None], ...]
    bar: bool


def row_chart(
    title: str,
    data: Sequence[RowData],
    top_value: float,
    style: int,
    left: float,
    width: float,
    pitch: float,
) -> RowChart:
    """Lay out rows whose axis runs from 0 to `top_value`.

    Args:
        title: Title of the chart.
        data: The rows.
        top_value: Upper end of the axis.
        style: Number of the colour.
        left: Space for the labels [px].
        width: Width [px].
        pitch: Height of a row [px].
    """
    right = width - RIGHT

    def x(value: float) -> float:
        return round(left + min(max(value, 0.0), top_value) / top_value * (right - left), 1)

    bottom = TOP + pitch * len(data)
    return RowChart(
        title=title,
        width=width,
        height=bottom + AXIS,
        left=left,
        bottom=bottom,
        style=style % 6,
        ticks=tuple(Tick(x(v), formatting.format_percent(v)) for v in round_steps(top_value)),
        rows=tuple(_row(row, TOP + pitch * (i + 0.5), x) for i, row in enumerate(data)),
    )


def _row(row: RowData, y: float, x: X) -> Row:
    clean = row.clean
    value = None if clean is None else clean.value
    dots = [] if row.bar else [("clean", "clean", clean)]
    drawn = [
        Dot(
            kind,
            x(metric.value),
            round(y + (0.0 if row.bar else DODGE.get(kind, 0.0)), 1),
            f"{row.label}, {what}: {formatting.format_metric(metric)} "
            f"{formatting.format_interval(metric)}".rstrip(),
        )
        for kind, what, metric in [*row.dots, *dots]
        if metric is not None and metric.value is not None
    ]
    return Row(
        y=round(y, 1),
        label=row.label,
        note=row.note,
        bar=x(value) if row.bar and value is not None else None,
        lo=x(clean.lo)
        if clean is not None and clean.lo is not None and clean.hi is not None
        else None,
        hi=x(clean.hi)
        if clean is not None and clean.lo is not None and clean.hi is not None
        else None,
        dots=tuple(drawn),
        missing=_missing(clean),
    )


def _missing(clean: Metric | None) -> str:
    """Say why there is no bar and no dot, without the class, which stands beside it."""
    if clean is None:
        return "not run"
    return "" if clean.value is not None else (clean.reason or "").partition(" of class ")[0]
