"""Loss curves of a few attacked frames, as the rise over each clean frame."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from reports import formatting, sanity_verdict
from reports.results_view import ResultsView
from reports.schema import Cell, LossTrace
from reports.svg.line_chart import Tick

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 360.0, 210.0, 52.0, 14.0, 12.0, 42.0
MOST_POINTS = 240
"""Vertices of a line. A longer trace is thinned evenly."""


@dataclass(frozen=True)
class TraceLine:
    """One frame: the path of its iterates, from the clean loss (0) to the delivered one."""

    style: int
    path: str
    start: tuple[float, float]
    end: tuple[float, float]
    title: str


@dataclass(frozen=True)
class TraceRow:
    """The numbers behind a line."""

    token: str
    clean: str
    best: str
    delivered: str


@dataclass(frozen=True)
class TraceChart:
    """One attacked cell, in SVG coordinates."""

    name: str
    label: str
    objective: str
    title: str
    suspect: str
    width: float
    height: float
    left: float
    right: float
    bottom: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[TraceLine, ...]
    rows: tuple[TraceRow, ...]


def trace_charts(view: ResultsView) -> tuple[TraceChart, ...]:
    """Make one chart per cell that keeps traces, in the order of the file."""
    labels = {(s.model, s.engine): s.label for s in view.series}
    return tuple(
        _chart(
            cell,
            labels[cell.model, cell.engine],
            sanity_verdict.suspect_badge(view.sanity.find_failed_checks(cell)),
        )
        for cell in view.results.cells
        if cell.traces
    )


def _chart(cell: Cell, label: str, suspect: str) -> TraceChart:
    values = [
        v - trace.clean
        for trace in cell.traces
        for v in (trace.clean, trace.delivered, *trace.losses)
    ]
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    last = max(len(trace.losses) for trace in cell.traces) + 1
    bottom = HEIGHT - BOTTOM

    def x(step: float) -> float:
        return round(LEFT + 8 + step / last * (WIDTH - RIGHT - LEFT - 16), 1)

    def y(value: float) -> float:
        return round(bottom - 6 - (value - low) / span * (bottom - TOP - 12), 1)

    def line(style: int, trace: LossTrace) -> TraceLine:
        every = max(1, -(-len(trace.losses) // MOST_POINTS))
        steps = [*range(1, len(trace.losses) + 1)][::every]
        points = [f"{x(step)} {y(trace.losses[step - 1] - trace.clean)}" for step in steps]
        return TraceLine(
            style % 6,
            "M" + " L".join(points) if points else "",
            (x(0), y(0.0)),
            (x(last), y(trace.delivered - trace.clean)),
            f"frame {trace.token}: {formatting.format_plain(trace.clean)} clean, "
            f"{formatting.format_plain(trace.delivered)} delivered",
        )

    name = formatting.format_condition(cell.condition)
    objective = ", ".join(dict.fromkeys(trace.objective for trace in cell.traces))
    return TraceChart(
        name=name,
        label=label,
        objective=objective,
        title=(
            f"Rise of the objective {objective} of "
            f"{formatting.format_count(len(cell.traces), 'frame')}, {name}, {label}"
        ),
        suspect=suspect,
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
        bottom=bottom,
        x_ticks=(Tick(x(0), "clean"), *_step_ticks(last - 1, x), Tick(x(last), "sent")),
        y_ticks=tuple(
            Tick(y(value), formatting.format_plain(value)) for value in _round_values(low, high)
        ),
        lines=tuple(line(style, trace) for style, trace in enumerate(cell.traces)),
        rows=tuple(
            TraceRow(
                trace.token,
                *(
                    formatting.format_plain(v)
                    for v in (trace.clean, max(trace.losses, default=trace.clean), trace.delivered)
                ),
            )
            for trace in cell.traces
        ),
    )


def _round_values(low: float, high: float) -> list[float]:
    """Return three to six multiples of 1, 2 or 5 times a power of ten from low to high.

    0 stands alone where the two are equal.
    """
    if high <= low:
        return [0.0]
    power = 10.0 ** math.floor(math.log10(high - low))
    step = next(
        s * power for s in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0) if (high - low) / (s * power) < 5.5
    )
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [index * step for index in range(first, last + 1)]


def _step_ticks(steps: int, x: Callable[[float], float]) -> list[Tick]:
    """Make ticks at three places at most."""
    every = max(1, round(steps / 3))
    return [Tick(x(step), str(step)) for step in range(every, steps, every)][:3]
