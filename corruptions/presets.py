"""Suites by name: our own, and the public ones at the levels that they name, in our physics.

None of the presets repeats a public suite's images or point clouds. They ask the same question with
the corruption that the name promises. If the public code does something else, the row's note says
so.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from corruptions import preset_tables as tables
from corruptions.apply import as_whole_number
from corruptions.catalogue import find_corruptions
from corruptions.errors import CorruptionError
from corruptions.preset import Level, Preset, Row

PRESETS: Mapping[str, Preset] = MappingProxyType({preset.name: preset for preset in tables.TABLES})


def choose_levels(texts: Sequence[str], severities: Sequence[int] = ()) -> tuple[Level, ...]:
    """Choose the levels that names stand for, each once, in their order.

    Args:
        texts: Presets, corruptions, or several joined by "+". Several in one text are separated by
            commas.
        severities: Only these levels. Default: all.

    Raises:
        CorruptionError: A name is unknown, a corruption does not have a level, a level is at two
            values (two suites that both have fog), or corruptions have other levels than the first
            has, so that no mean could be taken over them.
    """
    chosen: dict[tuple[str, int], Level] = {}
    for condition in (
        c for text in texts for name in text.split(",") for c in _named(name.strip())
    ):
        known = chosen.setdefault((condition.name, condition.severity), condition)
        if known != condition:
            raise CorruptionError(
                f"{condition.name} {condition.severity} is at {_at(known)} and at {_at(condition)} "
                f"in one choice; "
                "run the two suites apart"
            )
    severities = [as_whole_number("severities", severity) for severity in severities]
    levels: dict[str, list[int]] = {}
    for name, severity in chosen:
        levels.setdefault(name, []).append(severity)
    wanted = sorted(severities) or None
    for name, numbers in levels.items():
        missing = [s for s in severities if s not in numbers]
        if missing:
            raise CorruptionError(
                f"{name}: severity is {missing[0]}, expected one of "
                f"{', '.join(map(str, sorted(numbers)))}"
            )
        if wanted is None:
            wanted = sorted(numbers)
        if not severities and sorted(numbers) != wanted:
            raise CorruptionError(
                f"{name} has the levels {sorted(numbers)}, {next(iter(levels))} has {wanted}; run "
                f"them apart, or give severities"
            )
    return tuple(c for c in chosen.values() if wanted is None or c.severity in wanted)


def choose_names(texts: Sequence[str]) -> tuple[str, ...]:
    """Choose the corruptions (or several joined by "+") that names and presets stand for.

    Each is chosen once. Without any name, all corruptions are chosen.
    """
    named = (
        condition.name
        for text in texts or ("all",)
        for name in text.split(",")
        for condition in _named(name.strip())
    )
    return tuple(dict.fromkeys(named))


def _named(name: str) -> tuple[Level, ...]:
    if name in PRESETS:
        return PRESETS[name].levels
    try:
        find_corruptions(name)
    except CorruptionError as error:
        near = difflib.get_close_matches(name, PRESETS, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise CorruptionError(f"{error}; {hint}presets: {', '.join(PRESETS)}") from None
    return Row(name, name, severities=tables.ALL).levels


def _at(condition: Level) -> str:
    return "our severity" if condition.value is None else f"{condition.value:g}"
