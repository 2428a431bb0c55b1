"""Cameras that moved in their mounts since they were calibrated."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import Float64, FrameLike
from corruptions.rng import Streams

ROTATION_DEG = (0.0, 0.5, 1.0, 2.0, 3.0, 5.0)
TRANSLATION_M = (0.0, 0.02, 0.05, 0.10, 0.20, 0.50)


def extrinsic(frame: FrameLike, rotation_deg: float, streams: Streams) -> FrameLike:
    """The camera poses that the model is given are wrong, for a whole scene; data and ground truth stay.

    Parameter: the rotation, 0.5 1 2 3 5 degrees, exactly, about a random axis through the camera; with it goes a
    translation of exactly 2 5 10 20 50 cm in a random direction (between the levels linearly, beyond them in proportion).
    Every camera has its own error, drawn once for a scene: `camera_T_lidar` becomes delta @ camera_T_lidar with delta in
    SE(3). Levels after MultiCorrupt (Beemelmanns et al., IV 2024), whose public code moves the points away from their
    labels instead.
    """
    length_m = float(np.interp(rotation_deg, ROTATION_DEG, TRANSLATION_M))
    length_m *= max(1.0, rotation_deg / ROTATION_DEG[-1])
    matrices = frame.camera_T_lidar.copy()
    for view in range(len(matrices)):
        rng = streams.scene(f"camera{view}")
        delta = np.eye(4)
        delta[:3, :3] = rotation_about(_direction(rng), np.radians(rotation_deg))
        delta[:3, 3] = length_m * _direction(rng)
        matrices[view] = delta @ matrices[view]
    return frame.replace(camera_T_lidar=matrices)


def rotation_about(axis: Float64, angle_rad: float) -> Float64:
    """(3, 3) rotation about a unit vector (Rodrigues' formula)."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    result: Float64 = np.eye(3) + np.sin(angle_rad) * cross + (1 - np.cos(angle_rad)) * (cross @ cross)
    return result


def _direction(rng: np.random.Generator) -> Float64:
    """A unit vector, uniform on the sphere."""
    vector = rng.normal(size=3)
    result: Float64 = vector / np.linalg.norm(vector)
    return result
