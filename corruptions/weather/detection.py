"""How likely a LiDAR still detects an echo that became weaker, or whose noise became stronger.

Received power is counted as reflectance / range^2 [1/m^2]. Data sets scale intensity in their own
ways. Reflectance is therefore taken as intensity times a gain that gives the frame's median point
the reflectance `TYPICAL_REFLECTANCE`.
"""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr

from corruptions.frame_like import Float32, Float64, FrameLike
from corruptions.lidar.rays import ray_origins

FLOOR = 0.9 / 200.0**2
"""The weakest detected power: a target of 90 % at 200 m (LISA), which is one of 10 % at 67 m."""
SPREAD = 0.5
"""Standard deviation of the logarithm of the floor from point to point.

Intensities are not calibrated, and targets are tilted and speckled.
"""
RANGE_RESOLUTION_M = 0.09
"""LISA's Delta R. The standard deviation of the range is Delta R / sqrt(2 SNR)."""
TYPICAL_REFLECTANCE = 0.2
"""A value between asphalt (0.1) and paint, walls and leaves (0.3 to 0.5)."""
LEAST_INTENSITY = 0.5 / 255
"""The intensity that is assumed for a point stored as 0 of 255."""


def point_rays(frame: FrameLike) -> tuple[Float32, Float32, Float32]:
    """Compute the ray of every point, from the sensor's position in its sweep.

    Args:
        frame: Frame with N points.

    Returns:
        (N, 3) start of the rays, (N, 3) way from there to the points, (N,) its length; all float32
        [m, LiDAR frame].
    """
    origin = ray_origins(frame)
    ray = frame.points[:, :3] - origin
    return origin, ray, np.sqrt(np.einsum("ij,ij->i", ray, ray))


def reflectance_gain(intensity: Float32) -> float:
    """Estimate the reflectance of a point whose intensity is 1.

    Args:
        intensity: (N,) intensities, 0..1.

    Returns:
        `TYPICAL_REFLECTANCE` over the median intensity; 1 without points.
    """
    middle = (
        float(np.median(np.maximum(intensity, LEAST_INTENSITY)))
        if len(intensity)
        else TYPICAL_REFLECTANCE
    )
    return TYPICAL_REFLECTANCE / middle


def received_power(reflectance: Float32, distance: Float32) -> Float32:
    """Compute the power that targets send back in clear air [1/m^2].

    Args:
        reflectance: (N,) reflectances of the targets.
        distance: (N,) ranges [m]; those below 0.1 m count as 0.1 m.
    """
    received: Float32 = reflectance / np.maximum(distance, np.float32(0.1)) ** 2
    return received


def to_reflectance(intensity: Float32, scale: float) -> Float32:
    """Convert the intensities of points to reflectances.

    Args:
        intensity: (N,) intensities, 0..1.
        scale: Reflectance of intensity 1, from `reflectance_gain`.
    """
    result: Float32 = np.maximum(intensity, np.float32(LEAST_INTENSITY)) * np.float32(scale)
    return result


def detection_probability(
    clear: Float32, factor: Float64 | Float32, floor: float = FLOOR
) -> Float64:
    """Compute how likely points stay detected when their power changes by a factor.

    The floor is log-normal about `floor`. A point was detected in clear air, so that its
    probability is p = Phi(log(factor clear / floor) / SPREAD) / Phi(log(clear / floor) / SPREAD).
    It is 1 for a factor of 1, whatever the intensity, and falls with the factor.

    Args:
        clear: (N,) power in clear air, see `received_power`.
        factor: (N,) share of that power that is left.
        floor: Median of the weakest power that is detected.

    Returns:
        (N,) probabilities.
    """
    margin = np.log(clear / np.float32(floor)) / np.float32(SPREAD)
    result = np.ones(len(clear))
    lower = margin + np.log(np.maximum(factor, 1e-30)) / SPREAD
    unsure = lower < 4.0
    result[unsure] = np.exp(log_ndtr(lower[unsure]) - log_ndtr(margin[unsure].astype(np.float64)))
    return result


def draw_range_noise(
    clear: Float32, factor: Float64 | Float32, rng: np.random.Generator
) -> Float32:
    """Draw the range error that a weaker echo adds to the error it had.

    The variance is the difference of the variances at both signal-to-noise ratios. A ratio is at
    least 1.

    Args:
        clear: (N,) power in clear air.
        factor: (N,) share of that power that is left.
        rng: Random generator.

    Returns:
        (N,) errors [m].
    """
    ratio = np.maximum(clear / FLOOR, 1.0)
    weaker = np.maximum(ratio * factor, 1.0)
    added = np.maximum(1 / weaker - 1 / ratio, 0.0) / 2
    error: Float32 = rng.standard_normal(len(clear), np.float32) * (
        RANGE_RESOLUTION_M * np.sqrt(added)
    ).astype(np.float32)
    return error
