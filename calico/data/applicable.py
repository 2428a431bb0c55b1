"""Find out before a long run which conditions can change the frames at hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from corruptions import check_effect, find_corruptions, measure_effect
from corruptions.preset import Level
from corruptions.presets import PRESETS, choose_levels

LOOKED_AT = 8


def select_applicable(
    names: Sequence[str],
    severities: Sequence[int],
    source: FrameSource,
    indices: Sequence[int],
    seed: int,
) -> tuple[tuple[Level, ...], tuple[str, ...]]:
    """List the conditions that names and presets stand for.

    A corruption of a preset that can do nothing to the frames is left out with all of its levels,
    because means over corruptions need the same levels of each.

    Args:
        names: Corruptions, pairs joined by '+', or presets.
        severities: Severities of the corruptions that are named one by one.
        source: The frames.
        indices: The frames that the run will use.
        seed: Seed of the run.

    Returns:
        The conditions, and a note for every corruption that was left out and for every level that
        repeats a lower one.

    Raises:
        CalicoError: A corruption that was named itself can do nothing.
        CorruptionError: A name or a level is unknown.
    """
    conditions = choose_levels(names, severities) if names else ()
    frames = look_at(source, indices) if conditions else []
    named = {part.strip() for text in names for part in text.split(",")} - set(PRESETS)
    reasons: dict[str, str] = {}
    for condition in conditions:
        if condition.name not in reasons:
            reason = describe_missing(condition.name, frames) or _spared(
                condition, source, indices, seed
            )
            if reason:
                reasons[condition.name] = reason
    for name in sorted(named & set(reasons)):
        raise _useless(name, source, reasons[name])
    kept = tuple(condition for condition in conditions if condition.name not in reasons)
    notes = [f"{name} was left out: {reason}." for name, reason in reasons.items()]
    return kept, (*notes, *_repeated(kept, frames))


def check_applicable(
    conditions: Sequence[Level], source: FrameSource, indices: Sequence[int], seed: int
) -> None:
    """Check conditions that the user named one by one.

    Args:
        conditions: The conditions.
        source: The frames.
        indices: The frames that the run will use.
        seed: Seed of the run.

    Raises:
        CalicoError: The data lack what a condition needs, it spares all frames by chance, or its
            value
            does nothing (as at the end of a curve that starts at 0).
    """
    frames = look_at(source, indices) if conditions else []
    for condition in conditions:
        reason = describe_missing(condition.name, frames) or _spared(
            condition, source, indices, seed
        )
        if reason := reason or _idle(condition, frames, seed):
            raise _useless(condition.name, source, reason)


def _repeated(conditions: Sequence[Level], frames: Sequence[Frame]) -> list[str]:
    """A note for every condition that does to these frames what one of a lower severity does."""
    notes = []
    for condition in conditions:
        specs = find_corruptions(condition.name)
        for spec in specs:
            value = (
                spec.value_at(condition.severity) if condition.value is None else condition.value
            )
            if reason := spec.repeated_level(frames, value):
                part = "" if len(specs) == 1 else f" of {condition.name}"
                notes.append(f"{spec.name}{part} at {condition.at}: {reason}.")
    return notes


def look_at(source: FrameSource, indices: Sequence[int]) -> list[Frame]:
    """Load up to LOOKED_AT frames to see what the data have.

    Args:
        source: The frames.
        indices: The frames that the run will use, from which some are taken at equal distances.
    """
    places = np.linspace(0, len(indices) - 1, min(LOOKED_AT, len(indices))).round()
    return [source[indices[int(place)]] for place in places]


def describe_missing(name: str, frames: Sequence[Frame]) -> str:
    """Describe what a corruption needs and the data do not have.

    Args:
        name: A corruption, or several joined by '+'.
        frames: Frames of the data.

    Returns:
        The description; empty if nothing is missing.
    """
    reasons = (spec.explain_lack(frames) for spec in find_corruptions(name))
    return next((f"the data have {reason}" for reason in reasons if reason), "")


def _spared(condition: Level, source: FrameSource, indices: Sequence[int], seed: int) -> str:
    """Explain why a corruption that acts by chance changes none of these; empty if it does.

    The search ends at the first frame that it changes.
    """
    if not all(spec.by_chance for spec in find_corruptions(condition.name)):
        return ""
    frames = map(source.__getitem__, indices)
    if any(
        check_effect(condition.name, frame, condition.corrupt_frame(frame, seed))[0]
        for frame in frames
    ):
        return ""
    return (
        f"its level {condition.at} spares all of {len(indices)} frames, by chance (more frames "
        "help)"
    )


def _idle(condition: Level, frames: Sequence[Frame], seed: int) -> str:
    """Explain why a corruption changes nothing of these frames; empty if it does.

    The search ends at the first frame that it changes.
    """
    if all(spec.by_chance for spec in find_corruptions(condition.name)) or any(
        measure_effect(frame, condition.corrupt_frame(frame, seed)).changed for frame in frames
    ):
        return ""
    return f"its level {condition.at} changes none of {len(frames)} frames"


def _useless(name: str, source: FrameSource, reason: str) -> CalicoError:
    return CalicoError(f"corruption {name} can do nothing to {source.name}: {reason}; leave it out")
