"""Geometry of the line charts: data in, SVG coordinates out. Markup is in macros.html.j2.

The first place on the x axis is the clean value. The physical axis begins after a gap, mild to
severe from left to right.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reports import formatting
from reports.schema import Metric

X = Callable[[float], float]
Y = Callable[[float], float]
CHARACTER_PX = 6.2
LEFT, RIGHT, TOP, BOTTOM, CLEAN_SLOT = 44.0, 14.0, 12.0, 42.0, 52.0
BESIDE_PX, ROOM_PX, CLEAN_ROOM_PX = 13.0, 40.0, 20.0
"""Marks side by side: the distance of two, and the most space for one place and for clean."""


@dataclass(frozen=True)
class Line:
    """What to draw.

    Attributes:
        label: Label of the line.
        style: Number of its colour.
        control: Whether it is a random control.
        clean: The clean value that it starts from.
        levels: Places on the axis.
        metrics: Values at these places.
        half: Place where it falls to half.
    """

    label: str
    style: int
    control: bool
    clean: Metric | None
    levels: tuple[float, ...]
    metrics: tuple[Metric, ...]
    half: Metric | None = None


@dataclass(frozen=True)
class Tick:
    """A place on an axis with its text."""

    at: float
    text: str


@dataclass(frozen=True)
class Mark:
    """A marker with its interval and tooltip."""

    x: float
    y: float
    lo: float | None
    hi: float | None
    title: str
    hollow: bool


@dataclass(frozen=True)
class Reading:
    """The place where a line falls to half.

    Attributes:
        style: Number of the line's colour.
        clean: Path of the clean level.
        half: Path of the half level as far as the crossing, and from there down to the axis.
        y: y of the crossing, or of the half level without one.
        at: x of the crossing, or None.
        lo: x of its interval's lower end, or None.
        hi: x of its interval's upper end, or None.
        text: Text beside the crossing.
        text_y: y of the text.
        anchor: Anchor of the text.
        title: Tooltip.
    """

    style: int
    clean: str
    half: str
    y: float
    at: float | None
    lo: float | None
    hi: float | None
    text: str
    text_y: float
    anchor: str
    title: str


@dataclass(frozen=True)
class Drawn:
    """A line in SVG coordinates: one path, one band per unbroken run, markers."""

    style: int
    control: bool
    path: str
    start: str
    bands: tuple[str, ...]
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Chart:
    """A whole chart in SVG coordinates."""

    title: str
    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    gap: float
    x_label: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Drawn, ...]
    readings: tuple[Reading, ...] = ()


def line_chart(
    title: str,
    x_label: str,
    lines: Sequence[Line],
    top_value: float,
    width: float,
    height: float,
    texts: Mapping[float, str],
    logarithmic: bool | None = None,
    beside: bool = False,
) -> Chart:
    """Lay out a chart whose y axis runs from 0 to `top_value` (fractions, shown in percent).

    Args:
        title: Title of the chart.
        x_label: Label of the x axis.
        lines: The lines.
        top_value: Upper end of the y axis.
        width: Width [px].
        height: Height [px].
        texts: Text of each level on the x axis.
        logarithmic: Scale of the x axis. Default: logarithmic where the levels span a factor of
            ten.
        beside: Whether marks of one place stand side by side, in the order of the lines, so that
            equal values stay visible.
    """
    left, right, bottom = LEFT + CLEAN_SLOT, width - RIGHT, height - BOTTOM
    levels = ordered_levels(lines)
    x = _x(levels, left, right, logarithmic)
    places = {level: x(level) for level in levels}
    owners = _owners(lines)
    shifts = _beside(len(lines), _room(places)) if beside else [0.0] * len(lines)
    starts = _beside(len(owners), CLEAN_ROOM_PX) if beside else [0.0] * len(owners)
    clean_at = {style: LEFT + 10 + shift for style, shift in zip(owners, starts, strict=True)}

    def y(value: float) -> float:
        return bottom - min(max(value, 0.0), top_value) / top_value * (bottom - TOP)

    return Chart(
        title=title,
        width=width,
        height=height,
        left=LEFT,
        right=right,
        top=TOP,
        bottom=bottom,
        gap=left - 20,
        x_label=x_label,
        x_ticks=(Tick(LEFT + 10, "clean"), *_x_ticks(levels, places, texts)),
        y_ticks=tuple(
            Tick(round(y(v), 1), formatting.format_percent(v)) for v in round_steps(top_value)
        ),
        lines=tuple(
            _draw(
                line,
                {lv: at + shift for lv, at in places.items()},
                clean_at[line.style],
                owners[line.style] is line,
                y,
                texts,
            )
            for line, shift in zip(lines, shifts, strict=True)
        ),
        readings=tuple(
            r for line in lines if (r := _reading(line, x, right, bottom, y)) is not None
        ),
    )


def ordered_levels(lines: Sequence[Line]) -> list[float]:
    """List all levels of the lines, mild to severe.

    The direction is that of the first line that has more than one.
    """
    order = next((line.levels for line in lines if len(line.levels) > 1), lines[0].levels)
    return sorted({level for line in lines for level in line.levels}, reverse=order[0] > order[-1])


def top_of(metrics: Sequence[Metric | None]) -> float:
    """Return a round upper end of the axis above all values and their intervals."""
    highest = max(
        (m.hi if m.hi is not None else m.value or 0.0 for m in metrics if m is not None),
        default=1.0,
    )
    for top in (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0):
        if highest <= top:
            return top
    return math.ceil(highest * 2) / 2


def round_steps(top: float) -> list[float]:
    """Return four to six round values from 0 to `top`."""
    step = next(
        s for s in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, math.ceil(top / 5)) if top / s < 5.5
    )
    return [step * i for i in range(int(top / step + 1e-9) + 1)]


def _x(levels: Sequence[float], left: float, right: float, logarithmic: bool | None) -> X:
    """Return the function from level to x, from the first level on the left to the last.

    A single level is in the middle.
    """
    if len(levels) == 1:
        return lambda level: (left + right) / 2
    if logarithmic is None:
        logarithmic = min(levels) > 0 and max(levels) / min(levels) >= 10
    scaled: X = math.log if logarithmic else float
    first, last = scaled(levels[0]), scaled(levels[-1])
    return lambda level: left + (scaled(level) - first) / (last - first) * (right - left)


def _owners(lines: Sequence[Line]) -> dict[int, Line]:
    """Return the line that draws the clean mark, by style.

    A control has the clean value of the line that it stands beside.
    """
    owners: dict[int, Line] = {}
    for line in lines:
        owners.setdefault(line.style, line)
    return owners


def _room(places: Mapping[float, float]) -> float:
    """Return what the marks of one place may take up: a quarter of the way to the next.

    Lines then keep their course.
    """
    ordered = sorted(places.values())
    return min([ROOM_PX, *((b - a) / 4 for a, b in itertools.pairwise(ordered))])


def _beside(n: int, room: float) -> list[float]:
    """Return offsets of n marks around their place, evenly."""
    step = min(BESIDE_PX, room / max(n - 1, 1))
    return [(i - (n - 1) / 2) * step for i in range(n)]


def _x_ticks(
    levels: Sequence[float], places: dict[float, float], texts: Mapping[float, str]
) -> list[Tick]:
    """Make a tick at each level that holds data.

    A label that would touch its neighbour is left out, the last one never.
    """
    ticks: list[Tick] = []
    end = places[levels[-1]]
    last_half = len(texts[levels[-1]]) * CHARACTER_PX / 2
    taken = -math.inf
    for level in levels:
        text, at = texts[level], places[level]
        half = len(text) * CHARACTER_PX / 2
        fits = at - half > taken and (level == levels[-1] or at + half + 5 < end - last_half)
        ticks.append(Tick(round(at, 1), text if fits else ""))
        taken = at + half + 5 if fits else taken
    return ticks


def _draw(
    line: Line,
    places: dict[float, float],
    clean_x: float,
    owns_clean: bool,
    y: Y,
    texts: Mapping[float, str],
) -> Drawn:
    """Draw a line. The clean mark is only where the line leads from, unless it is its own.

    It is never hollow.
    """
    runs: list[list[Mark]] = [[]]
    for level, metric in zip(line.levels, line.metrics, strict=True):
        if metric.value is None:
            runs.append([])
        else:
            runs[-1].append(_mark(line.label, texts[level], metric, places[level], y, line.control))
    runs = [run for run in runs if run]
    clean = (
        []
        if line.clean is None or line.clean.value is None
        else [_mark(line.label, "clean", line.clean, clean_x, y)]
    )
    joined = bool(clean and runs and line.metrics[0].value is not None)
    return Drawn(
        style=line.style % 6,
        control=line.control,
        path=" ".join(
            "M" + " L".join(f"{m.x:.1f} {m.y:.1f}" for m in run) for run in runs if len(run) > 1
        ),
        start=f"M{clean[0].x:.1f} {clean[0].y:.1f} L{runs[0][0].x:.1f} {runs[0][0].y:.1f}"
        if joined
        else "",
        bands=tuple(band for run in runs if (band := _band(run))) if not line.control else (),
        marks=(*(clean if owns_clean else ()), *(mark for run in runs for mark in run)),
    )


def _mark(label: str, where: str, metric: Metric, x: float, y: Y, hollow: bool = False) -> Mark:
    has_interval = metric.lo is not None and metric.hi is not None
    return Mark(
        x=round(x, 1),
        y=round(y(metric.value or 0.0), 1),
        lo=round(y(metric.lo or 0.0), 1) if has_interval else None,
        hi=round(y(metric.hi or 0.0), 1) if has_interval else None,
        title=f"{label}, {where}: {formatting.format_metric(metric)} "
        f"{formatting.format_interval(metric)}".rstrip(),
        hollow=hollow,
    )


def _band(run: Sequence[Mark]) -> str:
    """Return the polygon between lower and upper ends, of a run where all have them."""
    if len(run) < 2 or any(mark.lo is None for mark in run):
        return ""
    corners = [(m.x, m.hi) for m in run] + [(m.x, m.lo) for m in reversed(run)]
    return " ".join(f"{x:.1f},{value:.1f}" for x, value in corners)


def _reading(line: Line, x: X, right: float, bottom: float, y: Y) -> Reading | None:
    """Return where a line falls to half, or None where the clean value is undefined."""
    half, clean = line.half, None if line.clean is None else line.clean.value
    if half is None or clean is None:
        return None
    start, level = LEFT + 10, round(y(clean / 2), 1)
    at = None if half.value is None else round(x(half.value), 1)
    ends = sorted(round(x(end), 1) for end in (half.lo, half.hi) if end is not None)
    shown = "" if half.value is None else formatting.format_quantity(half.value, half.unit)
    near_right = at is not None and at + 8 + len(shown) * CHARACTER_PX > right
    return Reading(
        style=line.style % 6,
        clean=f"M{start} {y(clean):.1f}H{right}",
        half=f"M{start} {level}H{right}" if at is None else f"M{start} {level}H{at}V{bottom}",
        y=level,
        at=at,
        lo=ends[0] if len(ends) == 2 else None,
        hi=ends[1] if len(ends) == 2 else None,
        text=shown,
        text_y=level + 15
        if near_right and level + 19 < bottom
        else level - 8,  # where the falling curve is not
        anchor="end" if near_right else "start",
        title=f"{line.label}, half of clean: {shown or half.reason}",
    )
