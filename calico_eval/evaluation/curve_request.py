"""Parse the values that a curve is measured at, for example `fog.visibility_m=400:20:log8`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from calico.errors import CalicoError
from calico_eval.evaluation.conditions import CorruptionCondition, find_single
from corruptions import Spec
from reports.half_crossing import Scale

FORM = (
    "CORRUPTION.PARAMETER=START:END:N, START:END:logN or VALUE,VALUE,...; "
    "e.g. fog.visibility_m=400:20:log8"
)
DIGITS = 4
"""Significant digits of the values between START and END, so that names are short and exact."""

MAX_VALUES = 1000
"""Largest number of values of a curve. More are a typing error: each is a run over all frames."""


@dataclass(frozen=True)
class CurveRequest:
    """A curve to measure.

    Attributes:
        name: Name of the corruption.
        points: Conditions along its parameter, mild to severe.
        scale: How a crossing between two points is interpolated.
    """

    name: str
    points: tuple[CorruptionCondition, ...]
    scale: Scale

    @property
    def spec(self) -> Spec:
        """The corruption."""
        return find_single(self.name)

    @property
    def values(self) -> tuple[float, ...]:
        """Values of the parameter, mild to severe."""
        return tuple(point.value for point in self.points if point.value is not None)


def is_worse_upwards(spec: Spec) -> bool:
    """Tell whether a larger value of a corruption's parameter is more severe.

    The levels of its severities decide.
    """
    return spec.levels[-1] >= spec.levels[0]


def parse_curve(text: str) -> CurveRequest:
    """Parse `CORRUPTION.PARAMETER=GRID`.

    The grid is START:END:N (evenly spaced), START:END:logN (in equal ratios) or a list of values
    that are separated by commas.

    Raises:
        CalicoError: The text has another form, or the corruption has no such parameter; the message
            says which it has.
        CorruptionError: The corruption is unknown or a pair, or a value is outside its limits.
    """
    what, equals, grid = text.partition("=")
    name, _, parameter = what.strip().partition(".")
    spec = find_single(name)
    if parameter != spec.parameter:
        raise CalicoError(
            f"curve {text!r}: {name} has {spec.parameter}, got {parameter or 'no parameter'!r}; "
            f"write {FORM}"
        )
    if not equals:
        raise CalicoError(f"curve {text!r}: no values; write {FORM}")
    values, scale = _parse_grid(text, grid)
    ordered = sorted(values, reverse=not is_worse_upwards(spec))
    twice = next((a for a, b in pairwise(ordered) if a == b), None)
    if twice is not None:
        raise CalicoError(
            f"curve {text!r}: holds {twice:g} twice; give different values, or fewer of them"
        )
    if len(ordered) < 2:
        raise CalicoError(
            f"curve {text!r}: one value, expected 2 or more; a single condition has a severity "
            "(--severity)"
        )
    points = tuple(CorruptionCondition.at_value(name, value) for value in ordered)
    return CurveRequest(name, points, scale)


def _parse_grid(text: str, grid: str) -> tuple[list[float], Scale]:
    parts = grid.split(":")
    try:
        if len(parts) == 1:
            return [float(value) for value in grid.split(",")], "linear"
        start, end, count = parts
        logarithmic = count.strip().startswith("log")
        first, last, n = float(start), float(end), int(count.strip().removeprefix("log"))
    except ValueError:
        raise CalicoError(f"curve {text!r}: cannot read {grid!r}; write {FORM}") from None
    if not 2 <= n <= MAX_VALUES:
        raise CalicoError(f"curve {text!r}: {n} values, expected 2 to {MAX_VALUES}")
    if not (math.isfinite(first) and math.isfinite(last)):
        raise CalicoError(f"curve {text!r}: {grid!r} has an end that is not finite; write {FORM}")
    if logarithmic and not (first > 0 and last > 0):
        raise CalicoError(
            f"curve {text!r}: equal ratios need START and END above 0; "
            f"use START:END:{n} without log"
        )
    inner = (np.geomspace if logarithmic else np.linspace)(first, last, n)[1:-1]
    rounded = [float(f"{value:.{DIGITS}g}") for value in inner]
    return [first, *rounded, last], "log" if logarithmic else "linear"
