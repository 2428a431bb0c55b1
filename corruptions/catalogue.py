"""All corruptions by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from types import MappingProxyType

from corruptions.alignment.table import TABLE as ALIGNMENT
from corruptions.camera.table import TABLE as CAMERA
from corruptions.errors import CorruptionError
from corruptions.lidar.table import TABLE as LIDAR
from corruptions.objects.table import TABLE as OBJECTS
from corruptions.spec import Spec
from corruptions.timing.table import TABLE as TIMING
from corruptions.weather.table import TABLE as WEATHER

SUITE_VERSION = "4"
"""Grows whenever any corruption gives other bytes for the same seed."""

SPECS: Mapping[str, Spec] = MappingProxyType(
    {spec.name: spec for spec in (*WEATHER, *CAMERA, *LIDAR, *TIMING, *ALIGNMENT, *OBJECTS)}
)


def list_corruptions() -> tuple[str, ...]:
    """All single corruptions, group by group. Pairs are any two joined by "+"."""
    return tuple(SPECS)


def find_corruptions(name: str) -> tuple[Spec, ...]:
    """The corruptions that a name stands for, in the order in which they are applied: "fog" or "fog+camera_crash".

    Raises CorruptionError for an unknown name, with the nearest valid one where one is near.
    """
    parts = name.split("+")
    for part in parts:
        if part not in SPECS:
            near = difflib.get_close_matches(part, SPECS, n=1)
            hint = f": did you mean {near[0]!r}?" if near else "."
            where = f" in {name!r}" if len(parts) > 1 else ""
            raise CorruptionError(
                f"unknown corruption {part!r}{where}{hint} Known: {', '.join(SPECS)}; join several with '+'"
            )
    if len(set(parts)) < len(parts):
        raise CorruptionError(
            f"corruption {name!r} names {max(parts, key=parts.count)!r} twice; expected each part once"
        )
    return tuple(SPECS[part] for part in parts)
