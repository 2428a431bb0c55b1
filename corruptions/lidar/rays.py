"""Where the sensor stood when it measured a point."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import Float32, FrameLike


def ray_origins(frame: FrameLike) -> Float32:
    """Return where the ray of every point began: the sensor's position in its sweep.

    Returns:
        (N, 3) float32 [m, LiDAR frame].
    """
    positions = frame.sweep_T[:, :3, 3].astype(np.float32)
    started: Float32 = positions[frame.sweep_index]
    return started
