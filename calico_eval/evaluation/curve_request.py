"""Which values of a corruption's physical parameter a curve is measured at: `fog.visibility_m=400:20:log8`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from calico.errors import CalicoError
from calico_eval.evaluation.conditions import ConditionSpec, single
from corruptions import Spec
from reports.half_crossing import Scale

FORM = "CORRUPTION.PARAMETER=START:END:N, START:END:logN or VALUE,VALUE,...; e.g. fog.visibility_m=400:20:log8"
DIGITS = 4
"""Values between START and END are rounded to so many significant digits, so that their names are short and exact."""

MAX_VALUES = 1000
"""More are a slip of the hand: every value is a run over all frames."""


@dataclass(frozen=True)
class CurveRequest:
    """A curve to measure.

    points: curve points of one corruption, mild to severe. scale: how crossings between two of them are interpolated.
    """

    name: str
    points: tuple[ConditionSpec, ...]
    scale: Scale

    @property
    def spec(self) -> Spec:
        """The corruption."""
        return single(self.name)

    @property
    def values(self) -> tuple[float, ...]:
        """Of the parameter, mild to severe."""
        return tuple(point.value for point in self.points if point.value is not None)


def worse_upwards(spec: Spec) -> bool:
    """Whether a larger value of the parameter is the more severe one, by the levels of the severities."""
    return spec.levels[-1] >= spec.levels[0]


def parse_curve(text: str) -> CurveRequest:
    """Reads `CORRUPTION.PARAMETER=GRID`; GRID is START:END:N (evenly), START:END:logN (in equal ratios) or a comma list.

    Raises:
        CalicoError: the text has another form, or the corruption has no such parameter (says which it has).
        CorruptionError: an unknown corruption, a pair, or a value outside its limits.
    """
    what, equals, grid = text.partition("=")
    name, _, parameter = what.strip().partition(".")
    spec = single(name)
    if parameter != spec.parameter:
        raise CalicoError(
            f"curve {text!r}: {name} has {spec.parameter}, got {parameter or 'no parameter'!r}; write {FORM}"
        )
    if not equals:
        raise CalicoError(f"curve {text!r}: no values; write {FORM}")
    values, scale = _grid(text, grid)
    ordered = sorted(values, reverse=not worse_upwards(spec))
    twice = next((a for a, b in pairwise(ordered) if a == b), None)
    if twice is not None:
        raise CalicoError(
            f"curve {text!r}: holds {twice:g} twice; give different values, or fewer of them"
        )
    if len(ordered) < 2:
        raise CalicoError(
            f"curve {text!r}: one value, expected 2 or more; a single condition has a severity (--severity)"
        )
    return CurveRequest(
        name, tuple(ConditionSpec.curve_point(name, value) for value in ordered), scale
    )


def _grid(text: str, grid: str) -> tuple[list[float], Scale]:
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
            f"curve {text!r}: equal ratios need START and END above 0; use START:END:{n} without log"
        )
    inner = (np.geomspace if logarithmic else np.linspace)(first, last, n)[1:-1]
    return [
        first,
        *(float(f"{value:.{DIGITS}g}") for value in inner),
        last,
    ], "log" if logarithmic else "linear"
