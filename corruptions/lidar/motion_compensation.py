"""Ego motion compensated wrongly."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from corruptions.frame_like import Float64, FrameLike
from corruptions.lidar.rays import ray_origins
from corruptions.rng import Streams

SLICES = 100
RAD_PER_M = 0.1


def motion_compensation(frame: FrameLike, sigma_m: float, streams: Streams) -> FrameLike:
    """Compensate the ego motion within a turn of the LiDAR with noisy poses.

    Its azimuth slices no longer fit together. Each of the 100 slices of a sweep turns about the
    sensor and shifts, as a rigid body. With the position goes the pose's rotation vector, 0.1 rad
    per m: 0.002 to 0.010 rad per axis.

    Args:
        frame: Frame to corrupt.
        sigma_m: Standard deviation of a pose's position along x, y and z [m]. Severities: 0.02,
            0.04, 0.06, 0.08, 0.10.
        streams: Random streams of the corruption and frame.

    Source:
        3D_Corruptions_AD (Dong et al., CVPR 2023), motion compensation, with these values. Its
        public code adds the noise to the nine numbers of the rotation matrix, which then is no
        rotation any more and distorts the points.
    """
    if not len(frame.points):
        return frame
    errors = pose_errors(
        len(frame.sweep_T) * SLICES, sigma_m, streams.nested_per_frame("lidar")
    ).astype(np.float32)
    start = ray_origins(frame)
    ray = frame.points[:, :3] - start
    turned = np.arctan2(ray[:, 1], ray[:, 0]) / (2 * np.pi) + 0.5
    error = errors[
        frame.sweep_index.astype(np.int64) * SLICES
        + np.minimum((turned * SLICES).astype(np.int64), SLICES - 1)
    ]
    points = frame.points.copy()
    points[:, :3] = start + np.einsum("nij,nj->ni", error[:, :, :3], ray) + error[:, :, 3]
    return frame.replace(points=points)


def pose_errors(count: int, sigma_m: float, rng: np.random.Generator) -> Float64:
    """Draw random elements of SE(3).

    Args:
        count: How many.
        sigma_m: Standard deviation of the position along each axis [m].
        rng: Random generator.

    Returns:
        (count, 3, 4) float64 [rotation | translation in m].
    """
    noise = rng.normal(size=(count, 2, 3)) * sigma_m
    result: Float64 = np.empty((count, 3, 4))
    result[:, :, :3] = Rotation.from_rotvec(RAD_PER_M * noise[:, 0]).as_matrix()
    result[:, :, 3] = noise[:, 1]
    return result
