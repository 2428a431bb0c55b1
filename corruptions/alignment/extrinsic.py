"""Sensors that moved in their mounts since they were calibrated."""

from __future__ import annotations

import numpy as np

from corruptions.alignment.se3 import random_rigid
from corruptions.frame_like import FrameLike
from corruptions.rng import Streams

ROTATION_DEG = (0.0, 0.5, 1.0, 2.0, 3.0, 5.0)
TRANSLATION_M = (0.0, 0.02, 0.05, 0.10, 0.20, 0.50)


def mount_shift_m(rotation_deg: float) -> float:
    """Return the translation that goes with a rotation.

    It is linear between the levels, and in proportion beyond them.
    """
    return float(np.interp(rotation_deg, ROTATION_DEG, TRANSLATION_M)) * max(
        1.0, rotation_deg / ROTATION_DEG[-1]
    )


def extrinsic(frame: FrameLike, rotation_deg: float, streams: Streams) -> FrameLike:
    """Make the camera poses that the model is given wrong, for a whole scene.

    Every camera has its own error, drawn once for a scene: `camera_T_lidar` becomes delta @
    camera_T_lidar with delta in SE(3). It rotates exactly about a random axis through the camera,
    and shifts by exactly 2, 5, 10, 20, 50 cm in a random direction (between the levels linearly,
    beyond them in proportion). Data and ground truth stay.

    Args:
        frame: Frame to corrupt.
        rotation_deg: Rotation [degrees]. Severities: 0.5, 1, 2, 3, 5.
        streams: Random streams of the corruption and frame.

    Source:
        Levels after MultiCorrupt (Beemelmanns et al., IV 2024), whose public code moves the points
        away from their labels instead.
    """
    matrices = frame.camera_T_lidar.copy()
    for view in range(len(matrices)):
        delta = random_rigid(
            streams.per_scene(f"camera{view}"), rotation_deg, mount_shift_m(rotation_deg)
        )
        matrices[view] = delta @ matrices[view]
    return frame.replace(camera_T_lidar=matrices)


def lidar_extrinsic(frame: FrameLike, rotation_deg: float, streams: Streams) -> FrameLike:
    """Move the LiDAR in its mount: all given camera poses are wrong by one motion, for a scene.

    Every `camera_T_lidar` becomes camera_T_lidar @ delta with one delta in SE(3) for a scene. It
    rotates exactly about a random axis through the LiDAR, with the translation that `extrinsic`
    has.

    Points and boxes are given in the LiDAR's own frame and so stay. The cameras' places in it
    become wrong. Unlike under `extrinsic`, the cameras agree with one another (their poses relative
    to each other stay right), so that a model can't tell from overlapping views, and no camera is
    better than another. One effect is not covered: everything detected is misplaced in the vehicle,
    which no metric in the LiDAR frame sees. `ego_T_lidar` is ground truth and stays.

    Args:
        frame: Frame to corrupt.
        rotation_deg: Rotation [degrees]. Severities: 0.5, 1, 2, 3, 5.
        streams: Random streams of the corruption and frame.

    Source:
        Levels of `extrinsic`; ours for the LiDAR.
    """
    delta = random_rigid(streams.per_scene("lidar"), rotation_deg, mount_shift_m(rotation_deg))
    return frame.replace(camera_T_lidar=frame.camera_T_lidar @ delta)
