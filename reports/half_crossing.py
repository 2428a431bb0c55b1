"""The place where a curve falls to half of its clean value.

This is the one definition, for the writer of results.json and for its checks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

Scale = Literal["linear", "log"]


@dataclass(frozen=True)
class Crossing:
    """The place where a curve first falls to half.

    Attributes:
        where: 'inside' the curve, or milder or more severe than all of it.
        value: Value of the parameter, inside the curve.
    """

    where: Literal["inside", "milder", "more severe"]
    value: float | None = None


def half_crossing(
    values: Sequence[float], scores: Sequence[float], clean: float, scale: Scale
) -> Crossing:
    """Find the first place, from mild to severe, where the scores reach clean / 2.

    Between two values the score is a straight line over the parameter, or over its logarithm on a
    logarithmic scale. The clean value is nowhere on the parameter's axis: a first score below half
    is milder than the curve, and so is a whole curve whose clean value is 0.

    Args:
        values: Values of the parameter, mild to severe.
        scores: One for each value.
        clean: The score without any change.
        scale: How the score runs between two values.
    """
    half = clean / 2
    if not clean > 0 or scores[0] < half:
        return Crossing("milder")
    for (before, high), (after, low) in pairwise(zip(values, scores, strict=True)):
        if low <= half:
            share = (high - half) / (high - low) if high > low else 0.0
            start, end = to_line(before, scale), to_line(after, scale)
            place = from_line(start + share * (end - start), scale)
            return Crossing("inside", min(max(place, min(before, after)), max(before, after)))
    return Crossing("more severe")


def to_line(value: float, scale: Scale) -> float:
    """Convert a value of the parameter to the axis on which the curve is straight lines.

    Args:
        value: Value of the parameter.
        scale: Scale of the curve.
    """
    return math.log(value) if scale == "log" else value


def from_line(place: float, scale: Scale) -> float:
    """Convert a place of that axis to a value of the parameter; inverts `to_line`.

    Args:
        place: Place on the axis.
        scale: Scale of the curve.
    """
    return math.exp(place) if scale == "log" else place
