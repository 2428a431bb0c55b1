"""The beams of a LiDAR."""

from __future__ import annotations

import numpy as np

from corruptions.errors import CorruptionError
from corruptions.frame_like import Bool, Float64, FrameLike, Int16, Int64


def known_rings(frame: FrameLike, name: str) -> Int16:
    """Return the beam of every point, and refuse points whose beam is unknown.

    The beam isn't guessed from the elevation. After ego-motion compensation the beams of a real
    sensor overlap in elevation (those of PandaSet spread over 4 to 7 degrees at a spacing of 0.17),
    so that the guess would be wrong for most points.

    Args:
        frame: Frame with N points.
        name: Name of the corruption, for the message.

    Returns:
        (N,) int16.

    Raises:
        CorruptionError: The ring of a point is -1.
    """
    if (frame.ring < 0).any():
        raise CorruptionError(
            f"frame {frame.token}: ring is -1 (unknown) for {int((frame.ring < 0).sum())} of "
            f"{len(frame.ring)} points; "
            f"{name} needs the beam of every point: load a data set that stores it, or leave "
            f"{name} out"
        )
    return frame.ring


def thin_evenly(index: Int16 | Int64, share: float, phase: float | Float64) -> Bool:
    """Choose which of the whole numbers 0, 1, 2 ... stay when a share of them is to stay.

    They are spaced as evenly as can be. Number i stays where floor((i + 1) share + phase) exceeds
    floor(i share + phase). This keeps n share of n numbers in a row, exactly if that is whole.

    Args:
        index: (N,) whole numbers.
        share: Share that stays, 0..1.
        phase: Offset in 0..1, one or (N,).

    Returns:
        (N,) bool.
    """
    steps = index.astype(np.float64)
    kept: Bool = np.floor((steps + 1) * share + phase) > np.floor(steps * share + phase)
    return kept
