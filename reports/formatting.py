"""The one formatter: every number that a report shows passes through here.

Fractions are shown in percent, differences of fractions in percentage points (pp), radians in
degrees.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection

from reports.schema import Condition, Metric

MINUS = "\u2212"
SPACE = "\u00a0"
_ACRONYMS = {
    "lidar": "LiDAR",
    "pgd": "PGD",
    "bev": "BEV",
    "fgsm": "FGSM",
    "apgd": "APGD",
    "mifgsm": "MI-FGSM",
}
LIDAR_BUDGETS = ("range_m", "axis_m", "intensity")
_UNIT_SUFFIXES = {
    "m": "m",
    "px": "px",
    "deg": "deg",
    "rad": "rad",
    "s": "s",
    "ms": "ms",
    "mps": "m/s",
}


def format_number(value: float, unit: str = "") -> str:
    """Format a value with its unit: 0.4123 'fraction' -> '41.2 %', 0.31 'm' -> '0.31 m'.

    Args:
        value: The value.
        unit: Its unit. Default: none.
    """
    if unit == "fraction":
        return f"{_fixed(100 * value, 1)}{SPACE}%"
    if unit == "rad":
        return f"{_fixed(math.degrees(value), 1)}°"
    text = _fixed(value, 2) if unit in ("m", "m/s") else format_plain(value)
    return f"{text}{SPACE}{unit}" if unit else text


def format_bare(value: float, unit: str) -> str:
    """Format a value as `format_number`, without its unit, which the heading names.

    Args:
        value: The value.
        unit: Its unit.
    """
    return format_number(value, unit).removesuffix("°").split(SPACE)[0]


def format_plain(value: float) -> str:
    """Format a parameter or count as short as it reads well: 0.25, 400, 1e-05."""
    return f"{value:.4g}".replace("-", MINUS)


def format_metric(value: Metric | None) -> str:
    """Format a metric with its unit: 'undefined' where it is null, 'not run' for None."""
    if value is None:
        return "not run"
    return "undefined" if value.value is None else format_number(value.value, value.unit)


def format_interval(value: Metric | None) -> str:
    """Format an interval in the unit of the value: '[38.0, 44.1]', or ''."""
    if value is None or value.lo is None or value.hi is None:
        return ""
    return f"[{format_bare(value.lo, value.unit)}, {format_bare(value.hi, value.unit)}]"


def format_sample(value: Metric | None) -> str:
    """Format the sample of a metric: '40 frames, 4 scenes'."""
    return (
        ""
        if value is None
        else f"{format_count(value.n_frames, 'frame')}, {format_count(value.n_scenes, 'scene')}"
    )


def format_count(n: int, noun: str) -> str:
    """Format a count with its noun: '1 frame', '2 frames', '1 class', '3 classes'.

    Args:
        n: The count.
        noun: The noun in the singular.
    """
    plural = noun + ("es" if noun.endswith("s") else "s")
    return f"{n}{SPACE}{noun if n == 1 else plural}"


def format_severities(values: Collection[int]) -> str:
    """Format severities: 'severity 3', 'severities 1, 3, 5', 'severities 1 to 5'."""
    found = sorted(values)
    if len(found) == 1:
        return f"severity{SPACE}{found[0]}"
    if len(found) > 2 and found == list(range(found[0], found[-1] + 1)):
        return f"severities {found[0]} to {found[-1]}"
    return "severities " + ", ".join(map(str, found))


def format_delta(new: float, old: float, unit: str) -> str:
    """Format a signed difference, of fractions in percentage points: '+1.2 pp'.

    Args:
        new: The value.
        old: The older value.
        unit: Unit of both.
    """
    shown = format_difference(new - old, unit)
    if shown.startswith(MINUS):
        return shown
    return f"+{shown}" if any(digit in shown for digit in "123456789") else f"±{shown}"


def format_difference(value: float, unit: str) -> str:
    """Format the size of a change, of fractions in percentage points: '2.0 pp'.

    Args:
        value: The change.
        unit: Its unit.
    """
    return format_number(value, unit).replace(f"{SPACE}%", f"{SPACE}pp")


def format_percent(ratio: float) -> str:
    """Format a share as whole percent: '62 %'."""
    return f"{_fixed(100 * ratio, 0)}{SPACE}%"


def format_parameter(value: float | int | str | None) -> str:
    """Format a parameter or measured quantity with six digits, so that 8.0001 of 8 is seen."""
    if value is None:
        return "none"
    return value if isinstance(value, str) else f"{value:.6g}".replace("-", MINUS)


def format_parameters(values: dict[str, float | int | str | None]) -> str:
    """Format parameters in the order of their names: 'eps 0.2 m, steps 10'.

    A unit at the end of a name goes behind the number.
    """
    shown = []
    for name in sorted(values):
        stem, unit = _split_unit(name)
        value = values[name]
        text = (
            format_place(value, name)
            if is_share(name) and isinstance(value, (int, float))
            else format_parameter(value)
        )
        shown.append(f"{to_words(stem)}{SPACE}{text}" + (f"{SPACE}{unit}" if unit else ""))
    return ", ".join(shown)


def is_share(name: str) -> bool:
    """Say whether a quantity is a share, by its name or axis: 'share_hit', 'removed_share'."""
    return "share" in re.split("[^a-z]", name)


def format_place(value: float, name: str) -> str:
    """Format a value of a parameter or axis, a share in percent: 0.004 of share_hit -> '0.4 %'.

    Args:
        value: The value.
        name: Name of the parameter or axis.
    """
    return f"{format_plain(100 * value)}{SPACE}%" if is_share(name) else format_plain(value)


def format_quantity(value: float, unit: str) -> str:
    """Format a computed parameter with three digits: '87.3 m', '31 %', '1.5 % of the width'.

    Args:
        value: The value.
        unit: Its unit. That of a share begins with 'share'.
    """
    kind, _, of = unit.partition(" ")
    shown = (
        f"{100 * value:.3g}{SPACE}% {of}".rstrip()
        if kind == "share"
        else f"{value:.3g}{SPACE}{unit}"
    )
    return shown.replace("-", MINUS)


def to_words(name: str) -> str:
    """Turn a name into words: 'camera_crash' -> 'camera crash', 'pgd_lidar' -> 'PGD LiDAR'."""
    return (
        " ".join(_ACRONYMS.get(word, word) for word in name.replace("-", "_").split("_") if word)
        or name
    )


def format_axis(name: str, unit: str | None) -> str:
    """Format the label of a physical axis: 'visibility_m', 'm' -> 'visibility (m)'.

    Args:
        name: Name of the parameter.
        unit: Its unit, or None to take it from the name.
    """
    stem, suffix = _split_unit(name)
    shown = to_words(stem)
    unit = unit or suffix
    return shown if not unit or unit in shown.split() else f"{shown} ({unit})"


def format_condition(value: Condition) -> str:
    """Format a condition: 'clean', 'fog, severity 3', 'fog, visibility 87 m'.

    An attack is named by the budget on its axis ('camera PGD, eps 8/255'), else by all parameters.
    """
    if value.kind == "clean":
        return "clean"
    if value.kind == "corruption":
        return f"{to_words(value.name)}, severity{SPACE}{value.severity}"
    if value.kind == "curve":
        return f"{to_words(value.name)}, {format_parameters(value.parameters)}"
    budget = value.parameters.get(value.axis) if value.axis else None
    if value.axis is None or budget is None:
        return format_full_condition(value)
    corruption, plus, attack = value.name.rpartition("+")
    before = f"{to_words(corruption)}, severity{SPACE}{value.severity} + " if plus else ""
    return f"{before}{to_words(attack)}, {format_allowance(value)}{format_origin(value)}"


def format_origin(value: Condition) -> str:
    """Format the engine that a transfer attack was made on: ', from other/torch-cpu', or ''."""
    source = value.parameters.get("crafted_on")
    return f", from {source}" if source else ""


def format_allowance(value: Condition) -> str:
    """Format the budget of an attack, of both sensors if it attacks both at once.

    Examples are 'camera levels 4/255' and 'camera levels 4/255 + range 0.1 m'.
    """
    rest = {
        name: value.parameters[name]
        for name in LIDAR_BUDGETS
        if name in value.parameters and name != value.axis
    }
    both = {"camera", "lidar"} <= set(value.sensors)
    return " + ".join(
        filter(None, (format_on_axis(value), format_parameters(rest) if both else ""))
    )


def format_on_axis(value: Condition) -> str:
    """Format the value on an attack's axis with its unit: 'camera levels 4/255', or ''."""
    budget = value.parameters.get(value.axis) if value.axis else None
    if value.axis is None or budget is None:
        return ""
    stem, suffix = _split_unit(value.axis)
    unit = value.unit or suffix
    text = (
        format_place(budget, value.axis)
        if isinstance(budget, (int, float))
        else format_parameter(budget)
    )
    shown = f"{to_words(stem)}{SPACE}{text}"
    return shown + (
        unit
        if unit.startswith("/")
        else f"{SPACE}{unit}"
        if unit and not is_share(value.axis)
        else ""
    )


def format_full_condition(value: Condition) -> str:
    """Format a condition with all its parameters."""
    if value.kind == "curve":
        return format_condition(value)
    shown = format_parameters(value.parameters)
    name = format_condition(value) if value.kind == "corruption" else to_words(value.name)
    return name + (f", {shown}" if shown else "")


def _split_unit(name: str) -> tuple[str, str]:
    """'visibility_m' -> ('visibility', 'm')."""
    stem, _, suffix = name.rpartition("_")
    return (stem, _UNIT_SUFFIXES[suffix]) if stem and suffix in _UNIT_SUFFIXES else (name, "")


def _fixed(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    if float(text) == 0:  # no '-0.0'
        text = text.removeprefix("-")
    return text.replace("-", MINUS)
