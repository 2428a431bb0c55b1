"""Pinhole projection.

`calico.frame` defines the camera frame and pixels.
"""

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
    """Project points of the LiDAR frame into one image.

    Args:
        image_from_lidar: (4, 4) one view of `Frame.image_from_lidar`.
        points: (N, >=3) points [m].
        size_hw: Height and width of the image [px].
        min_depth_m: Points nearer than this are not visible [m].

    Returns:
        (N, 2) pixels as u, v. (N,) depths [m]. (N,) mask of the points in front of the camera and
        inside the image.
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
