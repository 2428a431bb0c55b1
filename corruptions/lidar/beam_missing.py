"""Broken lasers."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import FrameLike, select_points
from corruptions.lidar.beams import known_rings
from corruptions.rng import Streams


def beam_missing(frame: FrameLike, share: float, streams: Streams) -> FrameLike:
    """Break beams of the LiDAR for a whole scene.

    Exactly round(share x beams) different beams of those present in the frame are dead. Every beam
    gets one random key for a scene and the smallest keys are dead, so that the same beams are
    missing in all its frames (as far as the same beams return anything).

    Args:
        frame: Frame to corrupt.
        share: Share of the beams that is lost. Severities: 1/8, 2/8, 3/8, 4/8, 5/8.
        streams: Random streams of the corruption and frame.

    Raises:
        CorruptionError: The ring of a point is unknown.

    Source:
        Robo3D (Kong et al., ICCV 2023). Its public code draws beams with replacement and so loses
        fewer than it says.
    """
    rings = known_rings(frame, "beam_missing")
    present = np.unique(rings)
    keys = streams.per_scene("lidar").random(int(present[-1]) + 1 if len(present) else 0)
    dead = present[np.argsort(keys[present], kind="stable")[: round(share * len(present))]]
    return select_points(frame, ~np.isin(rings, dead))
