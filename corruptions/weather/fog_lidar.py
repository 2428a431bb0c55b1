"""Fog in a LiDAR: weaker echoes of objects, and echoes of the fog itself."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import Float32, Float64, FrameLike
from corruptions.weather.detection import point_rays

LIGHT_M_S = 299_792_458.0
PULSE_S = 20e-9
"""Half-power width of the pulse, tau_H."""
TARGET_BETA = 1e-6 / np.pi
"""Differential reflectivity beta_0 = Gamma / pi of a target."""
OVERLAP_M = (0.9, 1.0)
"""Ranges between which the beam enters the receiver's view: xi grows from 0 to 1."""
TABLE_STEP_M = 0.05
TABLE_END_M = 60.0


def fog_points(
    frame: FrameLike, extinction: float, visibility_m: float, rng: np.random.Generator
) -> Float32:
    """Compute the points that a LiDAR returns in homogeneous fog.

    With R0 the true range and i the intensity (0..1, taken as proportional to the received power):

    * The hard return is i exp(-2 alpha R0), at R0.
    * The soft return is the largest value over R <= R0 of i R0^2 (beta / beta_0) F(R). F is the
      emitted sin^2 pulse convolved with xi(x) exp(-2 alpha x) / x^2, and beta = 0.046 / MOR.
    * The sensor reports the stronger one. As i is a factor of both, the range alone decides.

    A soft return lies on the same ray, at the range where F is largest times 2^u with u uniform in
    [-1, 1], and never behind the object. Fog is not uniform, and the paper's algorithm scatters the
    soft returns, too. Rays start at their sweep's sensor position.

    Args:
        frame: Frame with N points.
        extinction: alpha [1/m].
        visibility_m: MOR [m].
        rng: Random generator.

    Returns:
        (N, 5) float32 points.

    Source:
        Hahner et al., "Fog Simulation on Real LiDAR Point Clouds", ICCV 2021, eq. 8 to 20 and
        algorithm 1. As in the paper, the sensor's detection threshold is not modelled: an echo
        weaker than it stays a point.
    """
    origin, ray, distance = point_rays(frame)
    ranges, peak = soft_return_table(extinction)
    nearest = np.minimum(
        (distance * np.float32(1 / TABLE_STEP_M)).astype(np.int64), len(ranges) - 1
    )
    hard = np.exp(np.float32(-2 * extinction) * distance)
    soft = distance**2 * (0.046 / visibility_m / TARGET_BETA * peak).astype(np.float32)[nearest]
    wander = rng.uniform(-1.0, 1.0, len(distance))
    is_soft = np.flatnonzero(soft > hard)
    away = np.maximum(distance[is_soft], np.float32(1e-6))
    scale = np.minimum(ranges[nearest[is_soft]] * 2.0 ** wander[is_soft] / away, 1.0).astype(
        np.float32
    )
    points: Float32 = frame.points.copy()
    points[is_soft, :3] = origin[is_soft] + ray[is_soft] * scale[:, None]
    points[:, 3] = np.clip(points[:, 3] * np.maximum(hard, soft), 0.0, 1.0)
    return points


def soft_return_table(extinction: float) -> tuple[Float64, Float64]:
    """Tabulate the fog's strongest echo before targets at 0, TABLE_STEP_M, 2 TABLE_STEP_M, ...

    F(R) = integral over t of sin^2(pi t / (2 tau_H)) xi(x) exp(-2 alpha x) / x^2 with x = R - c t /
    2, over the pulse 0 <= t <= 2 tau_H. Before a target at R0 only fog with x <= R0 answers. With R
    <= R0 this always holds, so that one table and its running maximum serve all targets. The paper
    tabulates the integral for every R0.

    Args:
        extinction: alpha [1/m].

    Returns:
        Range of the strongest echo [m], and its F [s/m^2].
    """
    x = np.arange(round(TABLE_END_M / TABLE_STEP_M), dtype=np.float64) * TABLE_STEP_M
    overlap = np.clip((x - OVERLAP_M[0]) / (OVERLAP_M[1] - OVERLAP_M[0]), 0.0, 1.0)
    channel = overlap * np.exp(-2 * extinction * x) / np.maximum(x, OVERLAP_M[0]) ** 2
    pulse_m = LIGHT_M_S * PULSE_S
    lag = np.arange(round(pulse_m / TABLE_STEP_M) + 1) * TABLE_STEP_M
    pulse = np.sin(np.pi * lag / pulse_m) ** 2
    echo = np.convolve(channel, pulse)[: len(x)] * (2 * TABLE_STEP_M / LIGHT_M_S)
    peak: Float64 = np.maximum.accumulate(echo)
    where = np.maximum.accumulate(np.where(echo >= peak, np.arange(len(x)), 0))
    nearest: Float64 = x[where]
    return nearest, peak
