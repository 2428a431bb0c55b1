"""Points measured with noise."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import Float32, FrameLike
from corruptions.lidar.rays import ray_origins
from corruptions.rng import Streams

IMPULSE_M = 0.1
NEAREST_M = 0.01


def point_gaussian_noise(frame: FrameLike, sigma_m: float, streams: Streams) -> FrameLike:
    """Every coordinate of every point is off by Gaussian noise.

    Parameter: its standard deviation along x, y and z, 0.02 0.04 0.06 0.08 0.10 m. Source: 3D_Corruptions_AD (Dong et al., CVPR
    2023), Gaussian noise (L); its public code adds the same noise to the intensity.
    """
    shift = streams.nested_per_frame("lidar").standard_normal((len(frame.points), 3), np.float32)
    return _moved(frame, shift * np.float32(sigma_m))


def point_uniform_noise(frame: FrameLike, reach_m: float, streams: Streams) -> FrameLike:
    """Every coordinate of every point is off by uniform noise.

    Parameter: its reach to either side along x, y and z, 0.02 0.04 0.06 0.08 0.10 m. Source: 3D_Corruptions_AD (Dong et al.,
    CVPR 2023), uniform noise (L); its public code adds the same noise to the intensity.
    """
    unit = streams.nested_per_frame("lidar").random((len(frame.points), 3), np.float32)
    return _moved(frame, (2 * unit - 1) * np.float32(reach_m))


def point_impulse_noise(frame: FrameLike, share: float, streams: Streams) -> FrameLike:
    """Some points jump by a fixed step along every axis.

    Parameter: the share of points that jump, 1/30 1/25 1/20 1/15 1/10: round(share * N) points, without replacement, each by
    +-0.1 m along x, y and z (0.17 m in all). Source: 3D_Corruptions_AD (Dong et al., CVPR 2023), impulse noise (L); its public
    code adds the step to the intensity, too.
    """
    rng = streams.nested_per_frame("lidar")
    n = len(frame.points)
    hit = rng.permutation(n)[: round(share * n)]
    shift = np.zeros((n, 3), np.float32)
    shift[hit] = IMPULSE_M * (2 * rng.integers(0, 2, (len(hit), 3)) - 1)
    return _moved(frame, shift)


def point_radial_noise(frame: FrameLike, sigma_m: float, streams: Streams) -> FrameLike:
    """The range of every point is off by Gaussian noise; its direction is right.

    Parameter: the standard deviation of the range, 0.02 0.04 0.06 0.08 0.10 m (data sheets state about 0.02). The error of a
    time of flight: the point moves along the ray from the sensor's position in its sweep, and never behind the sensor
    (the range is held at 0.01 m or more). Source: the radial form of the Gaussian noise of 3D_Corruptions_AD (Dong et al.,
    CVPR 2023).
    """
    ray = frame.points[:, :3] - ray_origins(frame)
    distance = np.maximum(np.sqrt(np.einsum("ni,ni->n", ray, ray)), np.float32(NEAREST_M))
    error = streams.nested_per_frame("lidar").standard_normal(len(ray), np.float32) * np.float32(
        sigma_m
    )
    error = np.maximum(error, NEAREST_M - distance)
    return _moved(frame, ray * (error / distance)[:, None])


def _moved(frame: FrameLike, shift: Float32) -> FrameLike:
    """The frame with its points moved by shift (N, 3) [m]."""
    points = frame.points.copy()
    points[:, :3] += shift
    return frame.replace(points=points)
