"""Apply corruptions by severity, or by their physical parameter."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, SupportsIndex, TypeVar, cast

import numpy as np

from corruptions.catalogue import find_corruptions
from corruptions.checks import check_kinds, check_values
from corruptions.errors import CorruptionError
from corruptions.frame_like import F, FrameLike, copy_arrays
from corruptions.partial import Origin, PartialFrame, is_complete, put_back, wrap_partial
from corruptions.rng import Streams, as_seed
from corruptions.spec import Spec

T = TypeVar("T")


def corrupt(frame: T, name: str, severity: int, seed: int = 0) -> T:
    """Apply a corruption to a frame; the result has new arrays, the input stays as it is.

    Args:
        frame: A dataclass with the fields of `FrameLike`, or with some of them. A field that the
            corruption needs and that is missing is named in the error. A frame without a token
            draws its random numbers by its sensor data.
        name: One of `list_corruptions()`, or several joined by "+". These are applied from left to
            right at the same severity, each with the random streams that it has alone. A part sees
            what the earlier ones left: after `extrinsic`, weather finds the range of pixels by the
            wrong calibration, so put weather first.
        severity: 0 (the identity) to 5.
        seed: Seed of the evaluation. The result depends on seed, token or scene of the frame, name
            and severity alone.

    Returns:
        A frame of the same type.

    Raises:
        CorruptionError: The name is unknown, the severity is outside 0..5, the seed is no whole
            number from 0 to 2^63 - 1, a field is missing, or sensor data are of another shape or
            unit.

    Example:
        >>> import numpy as np
        >>> from dataclasses import dataclass
        >>> @dataclass
        ... class MyFrame:
        ...     points: np.ndarray
        >>> mine = MyFrame(np.full((1000, 5), 0.5, np.float32))
        >>> len(corrupt(mine, "point_drop", severity=5).points)
        700
    """
    specs = find_corruptions(name)
    level = as_severity(name, severity)
    return apply_parts(frame, [(spec, spec.value_at(level)) for spec in specs if level], seed)


def as_severity(name: str, severity: object) -> int:
    """Check a severity and return it as an int from 0 to 5.

    Args:
        name: Name of the corruption, for the message.
        severity: Any value.

    Raises:
        CorruptionError: It is no whole number from 0 to 5.
    """
    level = as_whole_number(name, severity)
    if not 0 <= level <= 5:
        raise CorruptionError(
            f"{name}: severity is {severity!r}, expected a whole number from 0 (none) to 5"
        )
    return level


def as_whole_number(name: str, severity: object) -> int:
    """Check a whole number and return it as an int; numpy's count as whole, booleans do not.

    Args:
        name: Name of the corruption, for the message.
        severity: Any value.

    Raises:
        CorruptionError: It is no whole number.
    """
    try:
        if not isinstance(severity, bool | np.bool_):
            return operator.index(cast(SupportsIndex, severity))
    except TypeError:
        pass
    raise CorruptionError(
        f"{name}: severity is {severity!r}, expected a whole number from 0 (none) to 5"
    )


def corrupt_with(frame: T, name: str, parameter_value: float, seed: int = 0) -> T:
    """Apply one corruption at a value of its physical parameter, e.g. fog at 87 m visibility.

    At a severity's value it gives the bytes that `corrupt` gives.

    Args:
        frame: As for `corrupt`.
        name: One of `list_corruptions()`.
        parameter_value: Value of the corruption's parameter, within `Spec.limits`.
        seed: Seed of the evaluation.

    Returns:
        A frame of the same type.

    Raises:
        CorruptionError: As for `corrupt`; the value is outside `Spec.limits`, or the name is that
            of several corruptions, which have no single parameter.
    """
    specs = find_corruptions(name)
    if len(specs) > 1:
        raise CorruptionError(
            f"{name!r} has {len(specs)} parameters; "
            "give a severity, or apply its parts one after another"
        )
    return apply_parts(frame, [(specs[0], parameter_value)], seed)


def apply_parts(
    frame: T, parts: Sequence[tuple[Spec, float]], seed: int, origin: Origin | None = None
) -> T:
    """Check a frame, apply corruptions to a copy, and return the result in the frame's type.

    Args:
        frame: As for `corrupt`.
        parts: The corruptions, each with the value of its parameter, in order.
        seed: Seed of the evaluation.
        origin: Words for messages about missing fields. Default: those for a user's frame.

    Returns:
        A frame of the same type.

    Raises:
        CorruptionError: As for `corrupt`.
    """
    seed = as_seed(seed)
    if is_complete(frame):
        check_kinds(frame)
        check_values(cast(FrameLike, frame))
        return cast(T, _apply_all(copy_arrays(cast(FrameLike, frame)), parts, seed))
    partial = wrap_partial(frame, [spec for spec, _ in parts], origin)
    result = put_back(frame, _apply_all(partial, parts, seed))
    previous = getattr(frame, "previous", None)
    if previous is not None and parts:
        past = _History(previous, tuple(parts), seed)
        result = dataclasses.replace(result, previous=past)  # type: ignore[type-var]
    return result


def _apply_all(frame: F, parts: Sequence[tuple[Spec, float]], seed: int) -> F:
    """Apply part after part.

    Frames before in the scene that a later part takes have been through the earlier parts, too.
    """
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
    """Gives the frame before as the parts applied so far leave it, computed when asked for."""

    previous: Callable[[], Any]
    parts: tuple[tuple[Spec, float], ...]
    seed: int

    def __call__(self) -> Any:
        found = self.previous()
        if found is None:
            return None
        if isinstance(found, PartialFrame) or is_complete(found):
            return _apply_all(copy_arrays(found), self.parts, self.seed)
        return apply_parts(found, self.parts, self.seed)


def _apply(frame: F, spec: Spec, value: float, seed: int) -> F:
    spec.check_value(value)
    streams = Streams(seed, frame.scene, frame.token, spec.name, value)
    return cast(F, spec.function(frame, value, streams))
