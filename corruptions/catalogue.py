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
"""Version of the suite. It grows whenever any corruption gives other bytes for the same seed."""

SPECS: Mapping[str, Spec] = MappingProxyType(
    {spec.name: spec for spec in (*WEATHER, *CAMERA, *LIDAR, *TIMING, *ALIGNMENT, *OBJECTS)}
)


def list_corruptions() -> tuple[str, ...]:
    """List all single corruptions, group by group. Any two joined by "+" are a pair."""
    return tuple(SPECS)


def find_corruptions(name: str) -> tuple[Spec, ...]:
    """Find the corruptions that a name stands for, in the order in which they are applied.

    Args:
        name: One name, or several joined by "+": "fog", "fog+camera_crash".

    Raises:
        CorruptionError: A name is unknown (the message has the nearest valid one), or is there
            twice.
    """
    if not isinstance(name, str):
        raise CorruptionError(
            f"corruption {name!r:.80}: got {type(name).__name__}, expected a name such as 'fog'"
        )
    parts = name.split("+")
    for part in parts:
        if part not in SPECS:
            near = difflib.get_close_matches(part, SPECS, n=1)
            hint = f": did you mean {near[0]!r}?" if near else "."
            where = f" in {name!r}" if len(parts) > 1 else ""
            raise CorruptionError(
                f"unknown corruption {part!r}{where}{hint} Known: {', '.join(SPECS)}; join several "
                f"with '+'"
            )
    if len(set(parts)) < len(parts):
        raise CorruptionError(
            f"corruption {name!r} names {max(parts, key=parts.count)!r} twice; expected each part "
            f"once"
        )
    return tuple(SPECS[part] for part in parts)
