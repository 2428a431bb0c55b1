"""Older sweeps put in the wrong place."""

from __future__ import annotations

import numpy as np

from corruptions.alignment.se3 import random_rigid
from corruptions.frame_like import FrameLike
from corruptions.rng import Streams

DEG_PER_M = float(np.degrees(0.1))
"""Rotation that goes with a translation [degrees per m]: 0.002 rad with 2 cm."""


def pose_error(frame: FrameLike, translation_m: float, streams: Streams) -> FrameLike:
    """Make the vehicle's pose at older sweeps wrong: their points no longer fit the keyframe's.

    Every older sweep has its own error delta in SE(3) (errors of localisation; those of dead
    reckoning would add up). It shifts by exactly the translation in a random direction, and rotates
    by exactly 0.002, 0.004, 0.006, 0.008, 0.010 rad about a random axis through the sensor. The
    points p of the sweep become T delta T^-1 p with T its `lidar_T_sweep`, and `sweep_T` becomes T
    delta, so that the rays stay consistent with what the model is given. The keyframe's own sweep
    stays, and so does a frame without older sweeps.

    Args:
        frame: Frame to corrupt.
        translation_m: Translation [m]. Severities: 0.02, 0.04, 0.06, 0.08, 0.10.
        streams: Random streams of the corruption and frame.

    Source:
        Values of 3D_Corruptions_AD (Dong et al., CVPR 2023), motion compensation. Its public code
        takes them as sigma of noise on the entries of the matrices, which no longer are rotations
        then.
    """
    poses = frame.sweep_T.copy()
    points = frame.points.copy()
    for sweep in range(1, len(poses)):
        delta = random_rigid(
            streams.per_frame(f"sweep{sweep}"), DEG_PER_M * translation_m, translation_m
        )
        moved = frame.sweep_T[sweep] @ delta
        change = moved @ np.linalg.inv(frame.sweep_T[sweep])
        rows = frame.sweep_index == sweep
        points[rows, :3] = points[rows, :3] @ change[:3, :3].T + change[:3, 3]
        poses[sweep] = moved
    return frame.replace(points=points, sweep_T=poses)
