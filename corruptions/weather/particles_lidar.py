"""Rain and snow in a LiDAR: weaker and lost echoes, and echoes of single drops and flakes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from corruptions.frame_like import Bool, Float32, Float64, FrameLike, Int64, select_points
from corruptions.weather.detection import (
    FLOOR,
    detection_probability,
    draw_range_noise,
    point_rays,
    received_power,
    reflectance_gain,
    to_reflectance,
)
from corruptions.weather.particles import Particles

APERTURE_M = 0.01
"""Width of the beam at the sensor [m]."""
DIVERGENCE = 3e-3
"""Growth of the beam's width with range (LISA)."""
NEAREST_M = 1.5
"""Echoes from nearer are not reported (LISA) [m]."""
TABLE_STEP_M = 0.05
TABLE_END_M = 60.0
"""Range beyond which no particle is large enough to be seen [m]."""


@dataclass(frozen=True)
class Detectable:
    """The particles in a beam that are large enough to be detected, for ranges 0, TABLE_STEP_M, ...

    Attributes:
        range_m: (R,) ranges [m].
        least_mm: (R,) smallest detectable diameter [mm].
        count: (R,) mean number of them up to the range.
        shadow: (R,) mean of the sum of 1 - (1 - a)^2 over them, where a is the share of the beam
            that a particle covers.
    """

    range_m: Float64
    least_mm: Float64
    count: Float64
    shadow: Float64


def precipitation_points(
    frame: FrameLike, particles: Particles, rng: np.random.Generator
) -> FrameLike:
    """Replace a frame's points by those that a LiDAR reports through particles.

    The method is a hybrid of averages and single particles. Power is P = reflectance / range^2.

    * Every target keeps exp(-2 alpha R) of its power on average.
    * The particles that are detectable alone (P above the noise floor) are drawn one by one:
      Poisson in number, uniform in the beam's volume, exponential in diameter. One that covers the
      share a of the beam returns rho a exp(-2 alpha r) / r^2. It lets (1 - a)^2 through, there and
      back, relative to the mean over beams, so that the mean transmission stays exp(-2 alpha R).
    * The strongest echo is reported. This is a false point on the same ray, or the target, weaker
      and with range noise, or nothing if it falls under the floor
      (`detection.detection_probability`).

    Args:
        frame: Frame to corrupt.
        particles: What is in the air.
        rng: Random generator.

    Source:
        LISA (Kilic et al. 2021), with the occlusion of Hahner et al. (CVPR 2022). Deviations:
        Hahner et al. draw flakes in the plane of a beam and cover D / width of it, here in space (D
        / width)^2. The air in which the clean frame was taken is clear. Rays without a point in the
        clean frame stay without one.
    """
    origin, ray, distance = point_rays(frame)
    scale = reflectance_gain(frame.points[:, 3])
    clear = received_power(to_reflectance(frame.points[:, 3], scale), distance)
    echo, echo_range, through = draw_strongest(
        tabulate_detectable(particles), particles, distance, rng
    )
    factor = np.minimum(
        np.exp(-2 * particles.extinction * distance.astype(np.float64)) * through, 1.0
    )
    alive = rng.random(len(distance)) < detection_probability(clear, factor)
    false = (echo > 0) & ((echo > clear * factor) | ~alive)
    reported = np.where(false, echo_range, distance + draw_range_noise(clear, factor, rng))
    stretch = (reported / np.maximum(distance, np.float32(0.1))).astype(np.float32)
    points: Float32 = frame.points.copy()
    points[:, :3] = origin + ray * stretch[:, None]
    points[:, 3] = np.where(
        false, np.minimum(echo * echo_range**2 / scale, 1.0), points[:, 3] * factor
    )
    keep: Bool = alive | false
    return select_points(frame.replace(points=points), keep)


def tabulate_detectable(particles: Particles) -> Detectable:
    """Tabulate the particles that are detectable alone, along a beam.

    These are the particles with rho (D / width)^2 exp(-2 alpha r) / r^2 > FLOOR, in a beam of the
    width 1 cm + 3 mrad r.

    Args:
        particles: What is in the air.
    """
    r = np.arange(round(TABLE_END_M / TABLE_STEP_M), dtype=np.float64) * TABLE_STEP_M
    width_mm = 1e3 * (APERTURE_M + DIVERGENCE * r)
    least = (
        width_mm * r * np.sqrt(FLOOR * np.exp(2 * particles.extinction * r) / particles.reflectance)
    )
    section_m2 = np.pi / 4 * (width_mm / 1e3) ** 2
    density = np.where(r >= NEAREST_M, section_m2 * particles.larger_than(least), 0.0)
    s = 1 / particles.slope
    square = least**2 + 2 * least * s + 2 * s**2
    fourth = least**4 + 4 * least**3 * s + 12 * least**2 * s**2 + 24 * least * s**3 + 24 * s**4
    shadow = density * (2 * square / width_mm**2 - fourth / width_mm**4)
    return Detectable(r, least, TABLE_STEP_M * np.cumsum(density), TABLE_STEP_M * np.cumsum(shadow))


def draw_strongest(
    table: Detectable, particles: Particles, distance: Float32, rng: np.random.Generator
) -> tuple[Float64, Float64, Float64]:
    """Draw the detectable particles before every target, and find the strongest echo.

    Args:
        table: The detectable particles along a beam.
        particles: What is in the air.
        distance: (N,) ranges of the targets [m].
        rng: Random generator.

    Returns:
        Three arrays (N,): the power of the strongest particle's echo, 0 without one, its range [m],
        and what all particles together let through, there and back, divided by the mean over beams.
    """
    n = len(distance)
    reach = np.interp(distance, table.range_m, table.count)
    counts = rng.poisson(reach)
    beam: Int64 = np.repeat(np.arange(n), counts)
    r = np.interp(rng.random(len(beam)) * reach[beam], table.count, table.range_m)
    diameter_mm = (
        np.interp(r, table.range_m, table.least_mm)
        + rng.standard_exponential(len(beam)) / particles.slope
    )
    covered = np.minimum((diameter_mm / (1e3 * (APERTURE_M + DIVERGENCE * r))) ** 2, 1.0)
    echo = (
        particles.reflectance
        * covered
        * np.exp(-2 * particles.extinction * r)
        / np.maximum(r, NEAREST_M) ** 2
    )
    order = np.lexsort((echo, beam))
    last = np.cumsum(counts)[counts > 0] - 1
    power_of, range_of = np.zeros(n), np.zeros(n)
    power_of[counts > 0], range_of[counts > 0] = echo[order][last], r[order][last]
    passed = np.bincount(beam, np.log(np.maximum(1 - covered, 1e-6)), minlength=n)
    return power_of, range_of, np.exp(2 * passed + np.interp(distance, table.range_m, table.shadow))
