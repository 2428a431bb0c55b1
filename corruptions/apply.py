"""Applies corruptions: by severity, or by their physical parameter."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import SupportsIndex, cast

import numpy as np

from corruptions.catalogue import find
from corruptions.checks import check_frame
from corruptions.errors import CorruptionError
from corruptions.frame_like import F, FrameLike, copied
from corruptions.rng import Streams
from corruptions.spec import Spec


def corrupt(frame: F, name: str, severity: int, seed: int) -> F:
    """The frame under a corruption, as new arrays; the input stays as it is.

    Args:
        frame: a frozen dataclass with the fields of `FrameLike`.
        name: one of `list_corruptions()`, or several joined by "+": applied from left to right at the same severity, each with
            the random streams that it has alone. A part sees what the earlier ones left: after `extrinsic`, weather finds
            the range of pixels by the wrong calibration, so put weather first.
        severity: 0 (the identity) to 5.
        seed: of the suite. The bytes that come out depend on seed, frame token or scene, name and severity alone.

    Raises CorruptionError for an unknown name, a severity outside 0..5, or sensor data in the wrong units.
    """
    specs = find(name)
    level = as_severity(name, severity)
    check_frame(frame)
    return _apply_all(copied(frame), [(spec, spec.at(level)) for spec in specs if level], seed)


def as_severity(name: str, severity: object) -> int:
    """The severity of a corruption from 0 to 5; raises CorruptionError for anything else."""
    level = as_whole_number(name, severity)
    if not 0 <= level <= 5:
        raise CorruptionError(
            f"{name}: severity is {severity!r}, expected a whole number from 0 (none) to 5"
        )
    return level


def as_whole_number(name: str, severity: object) -> int:
    """A level's number: whole numbers of numpy are ones, too, booleans are none.

    Raises:
        CorruptionError: it is no whole number.
    """
    try:
        if not isinstance(severity, bool | np.bool_):
            return operator.index(cast(SupportsIndex, severity))
    except TypeError:
        pass
    raise CorruptionError(
        f"{name}: severity is {severity!r}, expected a whole number from 0 (none) to 5"
    )


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
    return _apply_all(copied(frame), [(specs[0], parameter_value)], seed)


def _apply_all(frame: F, parts: Sequence[tuple[Spec, float]], seed: int) -> F:
    """Part after part. What a later part takes from the frames before in the scene has been through the earlier parts, too."""
    clean = frame.previous
    for number, (spec, value) in enumerate(parts):
        frame = _apply(frame, spec, value, seed)
        if clean is not None:
            frame = cast(
                F, frame.replace(previous=_History(clean, tuple(parts[: number + 1]), seed))
            )
    return frame


@dataclass(frozen=True)
class _History:
    """Gives the frame before as the parts applied so far leave it; worked out only when asked for."""

    previous: Callable[[], FrameLike | None]
    parts: tuple[tuple[Spec, float], ...]
    seed: int

    def __call__(self) -> FrameLike | None:
        found = self.previous()
        return None if found is None else _apply_all(copied(found), self.parts, self.seed)


def _apply(frame: F, spec: Spec, value: float, seed: int) -> F:
    spec.check(value)
    streams = Streams(seed, frame.scene, frame.token, spec.name, value)
    return cast(F, spec.function(frame, value, streams))
