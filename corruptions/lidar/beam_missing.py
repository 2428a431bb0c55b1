"""Broken lasers."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import FrameLike, select_points
from corruptions.lidar.beams import known_rings
from corruptions.rng import Streams


def beam_missing(frame: FrameLike, share: float, streams: Streams) -> FrameLike:
    """Beams of the LiDAR are dead for a whole scene.

    Parameter: the share of the beams present in the frame that is lost, 1/8 2/8 3/8 4/8 5/8: exactly round(share * beams)
    different beams. Every beam gets one random key for a scene and the smallest keys are dead, so that the same beams
    are missing in all its frames (as far as the same beams return anything). Source: Robo3D (Kong et al., ICCV 2023),
    whose public code draws beams with replacement and so loses fewer than it says.

    Raises CorruptionError where the ring of a point is unknown.
    """
    rings = known_rings(frame, "beam_missing")
    present = np.unique(rings)
    keys = streams.per_scene("lidar").random(int(present[-1]) + 1 if len(present) else 0)
    dead = present[np.argsort(keys[present], kind="stable")[: round(share * len(present))]]
    return select_points(frame, ~np.isin(rings, dead))
