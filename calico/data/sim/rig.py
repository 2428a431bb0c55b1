"""The six cameras: where they sit and what they see of the world, after nuScenes.

Mounts are those of the nuScenes vehicles, rounded; the fields of view 70 degrees, 110 at the back.
Images are wide and low (96 x 256), as after the crop that BEVFusion makes, with the horizon above
the middle.
"""

from __future__ import annotations

import numpy as np

from calico.data.sim.lidar import EGO_T_LIDAR
from calico.frame import Float32, Float64
from calico.geometry.frames import from_yaw, invert_transform

MOUNTS: dict[str, tuple[float, float, float, float, float]] = {
    "CAM_FRONT": (1.70, 0.00, 1.51, 0.0, 70.0),
    "CAM_FRONT_RIGHT": (1.55, -0.49, 1.50, -55.0, 70.0),
    "CAM_BACK_RIGHT": (1.01, -0.48, 1.56, -110.0, 70.0),
    "CAM_BACK": (0.03, 0.00, 1.58, 180.0, 110.0),
    "CAM_BACK_LEFT": (1.03, 0.48, 1.59, 110.0, 70.0),
    "CAM_FRONT_LEFT": (1.52, 0.49, 1.51, 55.0, 70.0),
}
"""x, y, z [m, ego frame], yaw [degrees], horizontal field of view [degrees]."""

HORIZON = 0.40
"""Row of the optical axis, as a share of the height."""

_BODY_T_OPTICAL = np.array([[0.0, 0, 1, 0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]])


def ego_T_camera(camera: str) -> Float64:
    """Pose of a camera (x right, y down, z forward) in the ego frame."""
    x, y, z, yaw, _ = MOUNTS[camera]
    result: Float64 = from_yaw(float(np.deg2rad(yaw)), (x, y, z)) @ _BODY_T_OPTICAL
    return result


def camera_intrinsics(camera: str, size_hw: tuple[int, int]) -> Float64:
    """Return the pinhole matrix of a camera.

    Args:
        camera: Its name.
        size_hw: Height and width of its images [px].

    Returns:
        (3, 3) matrix [px].
    """
    height, width = size_hw
    focal = width / 2 / np.tan(np.deg2rad(MOUNTS[camera][4]) / 2)
    return np.array([[focal, 0, (width - 1) / 2], [0, focal, HORIZON * height - 0.5], [0, 0, 1.0]])


def camera_T_lidar(camera: str) -> Float64:
    """Takes LiDAR points into the camera."""
    result: Float64 = invert_transform(ego_T_camera(camera)) @ EGO_T_LIDAR
    return result


def pixel_rays(camera: str, size_hw: tuple[int, int]) -> Float32:
    """Return the directions of all pixel centres, row by row.

    Args:
        camera: Name of the camera.
        size_hw: Height and width of its images [px].

    Returns:
        (H * W, 3) unit directions in the camera frame.
    """
    height, width = size_hw
    v, u = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    rays = (
        np.stack([u, v, np.ones_like(u)], axis=-1).reshape(-1, 3)
        @ np.linalg.inv(camera_intrinsics(camera, size_hw)).T
    )
    result: Float32 = (rays / np.linalg.norm(rays, axis=1, keepdims=True)).astype(np.float32)
    return result
