"""A LiDAR that shakes."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import FrameLike
from corruptions.rng import Streams

POINT_SHARE = 0.15


def motion_jitter(frame: FrameLike, sigma_m: float, streams: Streams) -> FrameLike:
    """Shake the vehicle on a bad road: every sweep is shifted, and every point a little more.

    Every sweep has its own shift as a whole. Every point moves by a further 0.15 sigma of its own,
    so that a coordinate is off by sigma sqrt(1 + 0.15^2) in all.

    Args:
        frame: Frame to corrupt.
        sigma_m: Standard deviation of a sweep's shift along x, y and z [m]. Severities: 0.06, 0.10,
            0.13, 0.20, 0.30.
        streams: Random streams of the corruption and frame.

    Source:
        MultiCorrupt (Beemelmanns et al., IV 2024), motion blur of the LiDAR: 0.06, 0.10, 0.13 m
        with 0.15, 0.20, 0.12 sigma for x, y, z. Robo3D (Kong et al., ICCV 2023), motion blur: 0.20,
        0.25, 0.30 m.
    """
    rng = streams.nested_per_frame("lidar")
    sweeps = rng.standard_normal((len(frame.sweep_T), 3), np.float32)
    own = rng.standard_normal((len(frame.points), 3), np.float32)
    points = frame.points.copy()
    points[:, :3] += (sweeps[frame.sweep_index] + np.float32(POINT_SHARE) * own) * np.float32(
        sigma_m
    )
    return frame.replace(points=points)
