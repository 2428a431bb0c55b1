"""A LiDAR with fewer beams."""

from __future__ import annotations

from corruptions.frame_like import FrameLike, select_points
from corruptions.lidar.beams import known_rings, thin_evenly
from corruptions.rng import Streams


def beams_reduced(frame: FrameLike, share: float, streams: Streams) -> FrameLike:
    """Only an evenly spaced part of the beams is left, as if by a cheaper sensor.

    Parameter: the share of the sensor's beams that stays, 24/32 16/32 12/32 8/32 4/32 (so 48 32 24 16 8 of 64). Exactly
    share * beams of them where that is whole, evenly spaced over 0, 1, 2 ... (`thin_evenly`); which ones depends on the number of
    the beam and on a phase drawn once for a scene, so that they are the same in all frames. The rings keep their numbers.
    Source: MultiCorrupt (Beemelmanns et al., IV 2024), beams reducing: 16, 8, 4 of 32, always the same ones.

    Raises CorruptionError where the ring of a point is unknown.
    """
    rings = known_rings(frame, "beams_reduced")
    return select_points(frame, thin_evenly(rings, share, streams.per_scene("lidar").random()))
