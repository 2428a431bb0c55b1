"""A frame of which only some fields were given: what a corruption cannot do without is named.

A user's dataclass with points and images alone is wrapped in a `PartialFrame`. Fields that have a
neutral value get it (no older sweeps, unknown beams). Reading any other field that is missing
raises a `CorruptionError` which says what the field is and which corruption needs it.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import numpy as np

from corruptions.checks import check_kinds, check_values
from corruptions.errors import CorruptionError
from corruptions.fields import FIELDS, OPTIONAL
from corruptions.frame_like import FrameLike, copy_arrays
from corruptions.spec import Need, Spec

T = TypeVar("T")

CALIBRATION = ("camera_K", "camera_T_lidar")
WEATHER_IN_IMAGES = ("points", *CALIBRATION, "ego_T_lidar")
"""Weather in an image needs the distance of every pixel, which comes from these."""
NEEDED: dict[Need, tuple[str, ...]] = {
    "ring": ("ring",),
    "sweeps": ("sweep_index", "sweep_T"),
    "past": ("previous",),
    "boxes": ("boxes",),
}
"""The fields behind the needs that a corruption states."""


@dataclass(frozen=True)
class Origin:
    """The origin of the fields of a partial frame, for error messages.

    Attributes:
        lacks: What did not give a field, e.g. "the frame (MyFrame) does not have".
        fields: Field name to what it is.
    """

    lacks: str
    fields: Mapping[str, str]


@dataclass(frozen=True)
class PartialFrame:
    """Some fields of a frame.

    Attributes:
        given: Field name to value; the fields that were given or have a neutral value.
        origin: Where the fields came from.
        corruption: Name of the corruption that runs, for error messages.
    """

    given: Mapping[str, object]
    origin: Origin
    corruption: str

    def __getattr__(self, name: str) -> object:
        if name.startswith("_") or name not in FIELDS:
            raise AttributeError(name)
        if name not in self.given:
            raise missing_fields(self.corruption, self.origin, [name])
        return self.given[name]

    def has(self, name: str) -> bool:
        """Say whether a field was given or has a neutral value."""
        return name in self.given

    def replace(self, **changes: object) -> PartialFrame:
        """Return a copy with some fields changed."""
        return dataclasses.replace(self, given={**self.given, **changes})


def missing_fields(corruption: str, origin: Origin, names: Sequence[str]) -> CorruptionError:
    """Make the error for fields that a corruption needs and that were not given.

    Args:
        corruption: Name of the corruption.
        origin: What the fields were looked for in.
        names: The fields that are missing.

    Returns:
        The error, to be raised.
    """
    listed = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    what = "; ".join(f"{name}: {origin.fields[name]}" for name in names)
    return CorruptionError(f"{corruption} needs {listed}, which {origin.lacks}; expected {what}")


def is_complete(frame: object) -> bool:
    """Say whether an object has all fields of `FrameLike` and its method `replace`."""
    present = all(hasattr(frame, name) for name in FIELDS)
    required = [name for name in FIELDS if name not in OPTIONAL]
    return (
        present
        and callable(getattr(frame, "replace", None))
        and all(getattr(frame, name) is not None for name in required)
    )


def wrap_partial(frame: object, specs: Sequence[Spec], origin: Origin | None = None) -> FrameLike:
    """Wrap what is there of a frame, in arrays of its own, for the corruptions that will run.

    Args:
        frame: A dataclass with some of the fields of `FrameLike`. A field that is None counts as
            missing, but for `previous`, which is None at the start of a scene. Without a token
            the name is made from the sensor data, so that different frames get different random
            numbers.
        specs: The corruptions that will run.
        origin: Words for error messages. Default: those for a user's frame.

    Returns:
        A frame that raises CorruptionError when a field is read that is missing.

    Raises:
        CorruptionError: A field that a corruption needs is missing, or a field that is there is of
            another kind, shape or unit.
    """
    check_kinds(frame)
    origin = origin or Origin(f"the frame ({type(frame).__name__}) does not have", FIELDS)
    found = {name: copy_arrays(getattr(frame, name, None)) for name in FIELDS}
    given = {
        name: value
        for name, value in found.items()
        if value is not None or (name == "previous" and hasattr(frame, name))
    }
    for spec in specs:
        missing = [name for name in _needed(spec, given) if name not in given]
        if missing:
            raise missing_fields(spec.name, origin, missing)
    names = "+".join(spec.name for spec in specs)
    partial = PartialFrame({**_neutral(given), **given}, origin, names)
    result = cast(FrameLike, partial)
    check_values(result, partial.has)
    if given.get("previous") is not None:
        past = _WrappedPast(cast("Callable[[], object]", given["previous"]), tuple(specs), origin)
        result = result.replace(previous=past)
    return result


def put_back(frame: T, result: FrameLike) -> T:
    """Return the user's frame with the fields of a corrupted partial frame.

    Args:
        frame: The user's dataclass.
        result: A `PartialFrame` that was wrapped around it and then corrupted.

    Returns:
        A copy of `frame`; fields that it lacks are left out.
    """
    given = cast(PartialFrame, result).given
    fields = dataclasses.fields(frame)  # type: ignore[arg-type]
    names = [field.name for field in fields if field.init]
    changes = {
        name: given[name]
        for name in names
        if name in given and name in FIELDS and getattr(frame, name) is not None
    }
    others = {name: copy_arrays(getattr(frame, name)) for name in names if name not in changes}
    return dataclasses.replace(frame, **{**others, **changes})  # type: ignore[type-var]


@dataclass(frozen=True)
class _WrappedPast:
    """Gives the user's frame before, wrapped like the frame itself."""

    previous: Callable[[], object]
    specs: tuple[Spec, ...]
    origin: Origin

    def __call__(self) -> FrameLike | None:
        found = self.previous()
        return None if found is None else wrap_partial(found, self.specs, self.origin)


def _needed(spec: Spec, given: Mapping[str, object]) -> list[str]:
    """The fields that a corruption certainly reads."""
    needed = [name for need in spec.needs for name in NEEDED[need]]
    if "calibration" in spec.sensors:
        needed += ["images", *CALIBRATION]
    elif spec.group == "weather" and "images" in given:
        needed += WEATHER_IN_IMAGES
    elif spec.sensors == ("camera",):
        needed.append("images")
    elif "camera" not in spec.sensors:
        needed.append("points")
    return needed


def _neutral(given: Mapping[str, object]) -> dict[str, object]:
    """The values of fields that mean "unknown" or "none"."""
    values: dict[str, object] = {
        "token": _token_of(given),
        "scene": "",
        **dict.fromkeys(OPTIONAL),
    }
    if "images" not in given:
        values |= {
            "images": (),
            "camera_K": np.zeros((0, 3, 3)),
            "camera_T_lidar": np.zeros((0, 4, 4)),
        }
    if "points" in given:
        n = len(cast("np.ndarray[tuple[int, ...], np.dtype[np.float32]]", given["points"]))
        values |= {
            "ring": np.full(n, -1, np.int16),
            "sweep_index": np.zeros(n, np.int16),
            "sweep_T": np.eye(4)[None],
        }
    return values


def _token_of(given: Mapping[str, object]) -> str:
    """A name made from the sensor data."""
    digest = hashlib.sha256()
    arrays = [*cast("tuple[object, ...]", given.get("images", ())), given.get("points")]
    for array in arrays:
        if isinstance(array, np.ndarray):
            digest.update(str(array.shape).encode() + np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]
