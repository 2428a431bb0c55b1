"""What a LiDAR still detects of an echo that became weaker, or that noise became stronger against.

Received power is counted as reflectance / range^2 [1/m^2]. Data sets scale intensity as they like, so that reflectance is taken
as intensity times a gain that gives the frame's median point TYPICAL_REFLECTANCE.
"""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr

from corruptions.frame_like import Float32, Float64, FrameLike

FLOOR = 0.9 / 200.0**2
"""The weakest power detected: a target of 90 % at 200 m (LISA), which is one of 10 % at 67 m."""
SPREAD = 0.5
"""Standard deviation of the logarithm of the floor from point to point: intensities are not calibrated, targets are tilted
and speckled."""
RANGE_RESOLUTION_M = 0.09
"""LISA's Delta R: the range's standard deviation is Delta R / sqrt(2 SNR)."""
TYPICAL_REFLECTANCE = 0.2
"""Between asphalt (0.1) and paint, walls and leaves (0.3 to 0.5)."""
LEAST_INTENSITY = 0.5 / 255
"""Intensity that a point stored as 0 of 255 still had."""


def point_rays(frame: FrameLike) -> tuple[Float32, Float32, Float32]:
    """(N, 3) sensor position of every point's sweep, (N, 3) way from there to the point, (N,) its length [m]."""
    origin = frame.sweep_T[:, :3, 3].astype(np.float32)[frame.sweep_index]
    ray = frame.points[:, :3] - origin
    return origin, ray, np.sqrt(np.einsum("ij,ij->i", ray, ray))


def reflectance_gain(intensity: Float32) -> float:
    """Reflectance of a point of intensity 1; 1 where there are no points."""
    middle = (
        float(np.median(np.maximum(intensity, LEAST_INTENSITY)))
        if len(intensity)
        else TYPICAL_REFLECTANCE
    )
    return TYPICAL_REFLECTANCE / middle


def received_power(reflectance: Float32, distance: Float32) -> Float32:
    """Received power of targets in clear air."""
    received: Float32 = reflectance / np.maximum(distance, np.float32(0.1)) ** 2
    return received


def to_reflectance(intensity: Float32, scale: float) -> Float32:
    """Of points; scale: from `reflectance_gain`."""
    result: Float32 = np.maximum(intensity, np.float32(LEAST_INTENSITY)) * np.float32(scale)
    return result


def detection_probability(
    clear: Float32, factor: Float64 | Float32, floor: float = FLOOR
) -> Float64:
    """Probability that a point is detected with factor * its power in clear air, given that it was with all of it.

    The floor is log-normal about `floor`; p = Phi(log(factor clear / floor) / SPREAD) / Phi(log(clear / floor) / SPREAD). It
    is 1 for a factor of 1 whatever the intensity, and falls with it.
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
    """(N,) error [m] of the range that the weaker echo adds to what it had: variances of both SNR apart. SNR is at least 1."""
    ratio = np.maximum(clear / FLOOR, 1.0)
    weaker = np.maximum(ratio * factor, 1.0)
    added = np.maximum(1 / weaker - 1 / ratio, 0.0) / 2
    error: Float32 = rng.standard_normal(len(clear), np.float32) * (
        RANGE_RESOLUTION_M * np.sqrt(added)
    ).astype(np.float32)
    return error
