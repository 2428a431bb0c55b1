"""Renders the five cameras with their lenses: every pixel looks where the distortion bends it."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from calico.data.sim.camera import render_rays
from calico.data.sim.world import World
from calico.data.waymo.cameras import undistort_points
from calico.data.waymo.records import CameraCalibration
from calico.data.waymo.simulated.poses import vehicle_poses
from calico.frame import Float32

ROWS_AT_ONCE = 128
"""An image is rendered in strips of so many rows, which bounds the memory."""


def lens_rays(calibration: CameraCalibration, rows: range) -> Float32:
    """Compute the direction in which each pixel of some rows looks.

    Args:
        calibration: Of the camera.
        rows: The rows.

    Returns:
        (R * W, 3) unit vectors in the vehicle frame, row by row.
    """
    v, u = np.meshgrid(np.asarray(rows), np.arange(calibration.width), indexing="ij")
    focal, center = calibration.intrinsic[:2], calibration.intrinsic[2:4]
    right_down = undistort_points(
        calibration.intrinsic, (np.stack([u, v], axis=-1).reshape(-1, 2) + 0.5 - center) / focal
    )
    rays = np.concatenate([np.ones((len(right_down), 1)), -right_down], axis=1)
    rays = rays @ calibration.vehicle_T_camera[:3, :3].T
    lengths = np.linalg.norm(rays, axis=1, keepdims=True)
    result: Float32 = (rays / lengths).astype(np.float32)
    return result


def render_jpeg(
    world: World,
    calibration: CameraCalibration,
    time_s: float,
    quality: int,
    rng: np.random.Generator,
) -> bytes:
    """Render the image of a camera and encode it.

    Args:
        world: The scene.
        calibration: Of the camera.
        time_s: Time of the scene [s].
        quality: Of the JPEG encoder.
        rng: Generator of the noise.

    Returns:
        The bytes of a JPEG file.
    """
    solids = world.solids(time_s)
    pose = vehicle_poses(world, np.array([time_s]))[0]
    place = calibration.vehicle_T_camera[:3, 3].astype(np.float32)
    strips = []
    for start in range(0, calibration.height, ROWS_AT_ONCE):
        rows = range(start, min(start + ROWS_AT_ONCE, calibration.height))
        rays = lens_rays(calibration, rows)
        origins = np.tile(place, (len(rays), 1))
        colors = render_rays(solids, world.ground, world.light, pose, origins, rays, rng)
        strips.append(colors.reshape(len(rows), calibration.width, 3))
    stream = io.BytesIO()
    image = Image.fromarray(np.concatenate(strips))
    image.save(stream, "JPEG", quality=quality, subsampling=0)
    return stream.getvalue()
