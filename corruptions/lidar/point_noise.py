"""Points measured with noise."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import Float32, FrameLike
from corruptions.lidar.rays import ray_origins
from corruptions.rng import Streams

IMPULSE_M = 0.1
NEAREST_M = 0.01


def point_gaussian_noise(frame: FrameLike, sigma_m: float, streams: Streams) -> FrameLike:
    """Add Gaussian noise to every coordinate of every point.

    Args:
        frame: Frame to corrupt.
        sigma_m: Standard deviation along x, y and z [m]. Severities: 0.02, 0.04, 0.06, 0.08, 0.10.
        streams: Random streams of the corruption and frame.

    Source:
        3D_Corruptions_AD (Dong et al., CVPR 2023), Gaussian noise (L). Its public code adds the
        same noise to the intensity.
    """
    shift = streams.nested_per_frame("lidar").standard_normal((len(frame.points), 3), np.float32)
    return _moved(frame, shift * np.float32(sigma_m))


def point_uniform_noise(frame: FrameLike, reach_m: float, streams: Streams) -> FrameLike:
    """Add uniform noise to every coordinate of every point.

    Args:
        frame: Frame to corrupt.
        reach_m: Reach to either side along x, y and z [m]. Severities: 0.02, 0.04, 0.06, 0.08,
            0.10.
        streams: Random streams of the corruption and frame.

    Source:
        3D_Corruptions_AD (Dong et al., CVPR 2023), uniform noise (L). Its public code adds the same
        noise to the intensity.
    """
    unit = streams.nested_per_frame("lidar").random((len(frame.points), 3), np.float32)
    return _moved(frame, (2 * unit - 1) * np.float32(reach_m))


def point_impulse_noise(frame: FrameLike, share: float, streams: Streams) -> FrameLike:
    """Make some points jump by a fixed step along every axis.

    round(share N) points jump, without replacement, each by +-0.1 m along x, y and z (0.17 m in
    all).

    Args:
        frame: Frame to corrupt.
        share: Share of points that jump. Severities: 1/30, 1/25, 1/20, 1/15, 1/10.
        streams: Random streams of the corruption and frame.

    Source:
        3D_Corruptions_AD (Dong et al., CVPR 2023), impulse noise (L). Its public code adds the step
        to the intensity, too.
    """
    rng = streams.nested_per_frame("lidar")
    n = len(frame.points)
    hit = rng.permutation(n)[: round(share * n)]
    shift = np.zeros((n, 3), np.float32)
    shift[hit] = IMPULSE_M * (2 * rng.integers(0, 2, (len(hit), 3)) - 1)
    return _moved(frame, shift)


def point_radial_noise(frame: FrameLike, sigma_m: float, streams: Streams) -> FrameLike:
    """Add Gaussian noise to the range of every point; its direction is right.

    This is the error of a time of flight. The point moves along the ray from the sensor's position
    in its sweep, and never behind the sensor: the range is held at 0.01 m or more.

    Args:
        frame: Frame to corrupt.
        sigma_m: Standard deviation of the range [m]. Severities: 0.02, 0.04, 0.06, 0.08, 0.10. (The
            data sheets of sensors state about 0.02.)
        streams: Random streams of the corruption and frame.

    Source:
        The radial form of the Gaussian noise of 3D_Corruptions_AD (Dong et al., CVPR 2023).
    """
    ray = frame.points[:, :3] - ray_origins(frame)
    distance = np.maximum(np.sqrt(np.einsum("ni,ni->n", ray, ray)), np.float32(NEAREST_M))
    error = streams.nested_per_frame("lidar").standard_normal(len(ray), np.float32) * np.float32(
        sigma_m
    )
    error = np.maximum(error, NEAREST_M - distance)
    return _moved(frame, ray * (error / distance)[:, None])


def _moved(frame: FrameLike, shift: Float32) -> FrameLike:
    """Move a frame's points by a shift (N, 3) [m]."""
    points = frame.points.copy()
    points[:, :3] += shift
    return frame.replace(points=points)
