"""A LiDAR that sees only what is ahead."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import FrameLike, select_points
from corruptions.lidar.rays import ray_origins
from corruptions.rng import Streams


def fov_limited(frame: FrameLike, half_angle_deg: float, streams: Streams) -> FrameLike:
    """Limit the field of view to an angle to either side of straight ahead.

    A point stays where the azimuth of its ray, in the sensor's axes at its sweep, is at most the
    angle. Nothing is random.

    Args:
        frame: Frame to corrupt.
        half_angle_deg: Angle [degrees]. Severities: 105, 90, 75, 60, 45.
        streams: Random streams (not used).

    Source:
        3D_Corruptions_AD (Dong et al., CVPR 2023), FOV lost.
    """
    turned = frame.sweep_T[:, :3, :2].astype(np.float32)[frame.sweep_index]
    local = np.einsum("ni,nij->nj", frame.points[:, :3] - ray_origins(frame), turned)
    azimuth = np.arctan2(local[:, 1], local[:, 0])
    return select_points(frame, abs(azimuth) <= np.float32(np.radians(half_angle_deg)))
