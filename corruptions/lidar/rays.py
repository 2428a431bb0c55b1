"""The place where the sensor stood when it measured a point."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import Float32, FrameLike


def ray_origins(frame: FrameLike) -> Float32:
    """Return where the ray of every point began: the position of its LiDAR in its sweep.

    Returns:
        (N, 3) float32 [m, LiDAR frame].
    """
    if frame.lidar_index is None or frame.lidar_T is None:
        positions = frame.sweep_T[:, :3, 3].astype(np.float32)
        started: Float32 = positions[frame.sweep_index]
        return started
    mounts = frame.sweep_T[:, None] @ frame.lidar_T[None]
    return mounts[:, :, :3, 3].astype(np.float32)[frame.sweep_index, frame.lidar_index]
