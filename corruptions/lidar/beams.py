"""The beams of a LiDAR."""

from __future__ import annotations

import numpy as np

from corruptions.errors import CorruptionError
from corruptions.frame_like import Bool, Float64, FrameLike, Int16, Int64


def known_rings(frame: FrameLike, name: str) -> Int16:
    """(N,) the beam of every point. Raises CorruptionError, on behalf of a corruption, where that of a point is unknown.

    It isn't guessed from the elevation: after ego-motion compensation the beams of a real sensor overlap in elevation (those
    of PandaSet spread over 4 to 7 degrees at a spacing of 0.17), so that the guess would be wrong for most points.
    """
    if (frame.ring < 0).any():
        raise CorruptionError(
            f"frame {frame.token}: ring is -1 (unknown) for {int((frame.ring < 0).sum())} of {len(frame.ring)} points; "
            f"{name} needs the beam of every point: load a data set that stores it, or leave {name} out"
        )
    return frame.ring


def thin_evenly(index: Int16 | Int64, share: float, phase: float | Float64) -> Bool:
    """(N,) which of the whole numbers 0, 1, 2 ... stay when a share of them is to stay, as evenly spaced as can be.

    Number i stays where floor((i + 1) share + phase) exceeds floor(i share + phase): of n numbers in a row it keeps n * share,
    exactly where that is whole, whatever the phase in 0..1.
    """
    steps = index.astype(np.float64)
    kept: Bool = np.floor((steps + 1) * share + phase) > np.floor(steps * share + phase)
    return kept
