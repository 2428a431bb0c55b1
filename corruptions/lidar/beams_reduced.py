"""A LiDAR with fewer beams."""

from __future__ import annotations

from corruptions.frame_like import FrameLike, select_points
from corruptions.lidar.beams import known_rings, thin_evenly
from corruptions.rng import Streams


def beams_reduced(frame: FrameLike, share: float, streams: Streams) -> FrameLike:
    """Leave only an evenly spaced part of the beams, as of a cheaper sensor.

    Exactly share x beams of them stay where that is whole, evenly spaced over 0, 1, 2 ...
    (`thin_evenly`). The choice depends on the number of the beam and on a phase drawn once for a
    scene, so that it is the same in all frames. The rings keep their numbers.

    Args:
        frame: Frame to corrupt.
        share: Share of the sensor's beams that stays. Severities: 24/32, 16/32, 12/32, 8/32, 4/32
            (so 48, 32, 24, 16, 8 of 64).
        streams: Random streams of the corruption and frame.

    Raises:
        CorruptionError: The ring of a point is unknown.

    Source:
        MultiCorrupt (Beemelmanns et al., IV 2024), beams reducing: 16, 8, 4 of 32, always the same
        ones.
    """
    rings = known_rings(frame, "beams_reduced")
    return select_points(frame, thin_evenly(rings, share, streams.per_scene("lidar").random()))
