"""Pinhole projection. Camera frame and pixel conventions: `calico.frame`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from calico.frame import Bool, Float64


def project_points(
    image_from_lidar: Float64,
    points: npt.NDArray[np.floating],
    size_hw: tuple[int, int],
    min_depth_m: float = 0.1,
) -> tuple[Float64, Float64, Bool]:
    """Where points of the LiDAR frame fall in one image.

    Args:
        image_from_lidar: (4, 4), one view of `Frame.image_from_lidar`.
        points: (N, >=3) [m].
        size_hw: height and width of the image [px].

    Returns:
        pixels (N, 2) as u, v; depth (N,) [m]; visible (N,): in front of the camera and inside the image.
    """
    homogeneous = (
        points[:, :3].astype(np.float64) @ image_from_lidar[:3, :3].T + image_from_lidar[:3, 3]
    )
    depth = homogeneous[:, 2]
    pixels = homogeneous[:, :2] / np.where(abs(depth) < 1e-9, 1e-9, depth)[:, None]
    height, width = size_hw
    visible = (
        (depth > min_depth_m)
        & (pixels[:, 0] >= -0.5)
        & (pixels[:, 0] < width - 0.5)
        & (pixels[:, 1] >= -0.5)
        & (pixels[:, 1] < height - 0.5)
    )
    return pixels, depth, visible
