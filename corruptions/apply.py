"""Applies corruptions: by severity, or by their physical parameter."""

from __future__ import annotations

import math
from typing import cast

from corruptions.checks import check_frame
from corruptions.errors import CorruptionError
from corruptions.frame_like import F, copied
from corruptions.rng import Streams
from corruptions.spec import Spec, find


def corrupt(frame: F, name: str, severity: int, seed: int) -> F:
    """The frame under a corruption, as new arrays; the input stays as it is.

    Args:
        frame: a frozen dataclass with the fields of `FrameLike`.
        name: one of `names()`, or several joined by "+", applied from left to right at the same severity, each with the
            random streams that it has alone.
        severity: 0 (the identity) to 5.
        seed: of the suite. The bytes that come out depend on seed, frame token or scene, name and severity alone.

    Raises CorruptionError for an unknown name, a severity outside 0..5, or sensor data in the wrong units.
    """
    specs = find(name)
    if isinstance(severity, bool) or not isinstance(severity, int) or not 0 <= severity <= 5:
        raise CorruptionError(f"{name}: severity is {severity!r}, expected a whole number from 0 (none) to 5")
    check_frame(frame)
    result = copied(frame)
    for spec in specs if severity else ():
        result = _apply(result, spec, spec.at(severity), seed)
    return result


def corrupt_with(frame: F, name: str, parameter_value: float, seed: int) -> F:
    """The frame under one corruption at a value of its physical parameter, e.g. fog at a visibility of 87 m.

    At a severity's value it gives the bytes that `corrupt` gives. Raises CorruptionError as `corrupt` does, and for
    a value outside `Spec.limits` or a pair, which has no single parameter.
    """
    specs = find(name)
    if len(specs) > 1:
        raise CorruptionError(
            f"{name!r} has {len(specs)} parameters; give a severity, or apply its parts one after another"
        )
    check_frame(frame)
    return _apply(copied(frame), specs[0], parameter_value, seed)


def _apply(frame: F, spec: Spec, value: float, seed: int) -> F:
    low, high = spec.limits
    if not (math.isfinite(value) and low <= value <= high):
        raise CorruptionError(f"{spec.name}: {spec.parameter} is {value!r}, expected {low:g} to {high:g} {spec.unit}")
    streams = Streams(seed, frame.scene, frame.token, spec.name, value)
    return cast(F, spec.function(frame, value, streams))
