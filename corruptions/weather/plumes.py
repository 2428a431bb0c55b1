"""Clouds of water drops behind vehicles on a wet road: where they are, and how dense."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from corruptions.frame_like import Float32, Float64, FrameLike

LANE_M = 3.5
OWN_START_M = -0.5
"""Start of the own wake [m, ego x], just behind the rear axle, the origin of the ego frame."""
AHEAD_M = (6.0, 40.0)
"""Distances between which the rear of a vehicle ahead is looked for [m]."""
LANE_HALF_M, ASIDE_M = 1.2, 2.2
"""A vehicle's points are within the first of its lane's middle [m].

Points within the second show how wide it is.
"""
ABOVE_M = (0.3, 2.5)
"""Heights above the road of the points of a vehicle [m] ..."""
TALL_M = 0.7
"""... of which some are above this height [m]."""
WIDE_M = (0.8, 3.0)
"""Least and greatest width of a vehicle's rear, as far as it is seen [m]."""
SLICE_M = 1.0
"""Depth of a vehicle's rear [m]."""
LEAST_POINTS = 6
SAME_M = 1.5, 2.0
"""Two rears nearer to each other than this along x and y are one vehicle between two lanes [m]."""
LIFETIME_S = 0.25
"""Time within which the drops of a wake fall out of it (to 1/e) [s]."""
DENSITY = 0.05
"""Extinction on the road right behind a vehicle at 100 km/h [1/m].

This is an assumption. A camera 1.5 m above the road that looks along a whole wake then loses 6 % of
the light.
"""
GROWTH = 2.5
"""Power of the speed that the density grows with. This is an assumption."""
STEP_M = 1.0
REACH_M = 48.0


@dataclass(frozen=True)
class Plumes:
    """K wakes along the ego's x axis.

    Attributes:
        start: (K,) x of the vehicle's rear [m, ego frame].
        lane: (K,) y of the vehicle's middle [m, ego frame].
        density: Extinction right behind a vehicle [1/m].
        length_m: Length of a wake, to 1/e [m].
    """

    start: Float64
    lane: Float64
    density: float
    length_m: float

    def extinction_at(self, where: Float32) -> Float32:
        """Compute the extinction (...,) [1/m] at points (..., 3) of the ego frame.

        At s behind the vehicle, y beside its middle and z above the road, it is density exp(-s /
        length) exp(-y^2 / 2 w^2) exp(-z / h) with w = 0.9 + 0.05 s and h = 0.6 + 0.04 s [m].
        """
        total = np.zeros(where.shape[:-1], np.float32)
        z = np.maximum(where[..., 2], 0.0)
        for start, lane in zip(self.start, self.lane, strict=True):
            s = np.float32(start) - where[..., 0]
            behind = np.maximum(s, 0.0)
            across = (where[..., 1] - np.float32(lane)) / (
                np.float32(0.9) + np.float32(0.05) * behind
            )
            fall = (
                behind * np.float32(1 / max(self.length_m, 1e-3))
                + across**2 / 2
                + z / (np.float32(0.6) + np.float32(0.04) * behind)
            )
            total += np.where(s > 0, np.exp(-fall), np.float32(0.0))
        result: Float32 = total * np.float32(self.density)
        return result


def find_plumes(frame: FrameLike, speed_km_h: float) -> Plumes:
    """Place the own wake, and those of the nearest vehicles ahead in three lanes.

    Args:
        frame: Frame whose LiDAR points show the vehicles.
        speed_km_h: Speed of the traffic [km/h].
    """
    rears = find_rears(frame)
    return Plumes(
        start=np.array([OWN_START_M, *(x for x, _ in rears)]),
        lane=np.array([0.0, *(y for _, y in rears)]),
        density=DENSITY * (speed_km_h / 100) ** GROWTH,
        length_m=speed_km_h / 3.6 * LIFETIME_S,
    )


def find_rears(frame: FrameLike) -> list[tuple[float, float]]:
    """Find the rear of the nearest thing like a vehicle in each of three lanes.

    Only the keyframe's LiDAR points above the road are searched. A rear is the nearest slice of
    SLICE_M along x in a lane that holds LEAST_POINTS or more, is as wide as a vehicle and as tall.
    Poles and people are too narrow, walls across the lane too wide.

    Returns:
        x and y of each rear [m, ego frame].
    """
    points = frame.points[frame.sweep_index == 0, :3].astype(np.float64)
    where = points @ frame.ego_T_lidar[:3, :3].T + frame.ego_T_lidar[:3, 3]
    where = where[(where[:, 2] > ABOVE_M[0]) & (where[:, 2] < ABOVE_M[1])]
    where = where[(where[:, 0] > AHEAD_M[0]) & (where[:, 0] < AHEAD_M[1] + SLICE_M)]
    rears: list[tuple[float, float]] = []
    for lane in (0.0, LANE_M, -LANE_M):
        rear = _find_rear(where[abs(where[:, 1] - lane) < ASIDE_M], lane)
        if rear is not None and all(
            abs(rear[0] - x) > SAME_M[0] or abs(rear[1] - y) > SAME_M[1] for x, y in rears
        ):
            rears.append(rear)
    return rears


def _find_rear(points: Float64, lane: float) -> tuple[float, float] | None:
    """Find the nearest rear among the points (P, 3) about a lane's middle: its x and y, or None."""
    own = abs(points[:, 1] - lane) < LANE_HALF_M
    for start in np.unique(np.floor(points[own, 0] * 2) / 2):
        here = (points[:, 0] >= start) & (points[:, 0] < start + SLICE_M)
        if (here & own).sum() < LEAST_POINTS or points[here & own, 2].max() < TALL_M:
            continue
        low, high = np.quantile(points[here, 1], (0.02, 0.98))
        if WIDE_M[0] <= high - low <= WIDE_M[1]:
            return float(np.quantile(points[here & own, 0], 0.1)), float((low + high) / 2)
    return None


def depth_along(plumes: Plumes, origin: Float64, directions: Float64) -> Float32:
    """Integrate the extinction along rays.

    Args:
        plumes: The wakes.
        origin: (3,) start of the rays [m, ego frame].
        directions: (..., 3) unit vectors [ego frame].

    Returns:
        (..., REACH_M / STEP_M) optical depth from the start to STEP_M, 2 STEP_M, ...
    """
    middle = ((np.arange(round(REACH_M / STEP_M)) + 0.5) * STEP_M).astype(np.float32)
    where = (
        origin.astype(np.float32) + directions.astype(np.float32)[..., None, :] * middle[:, None]
    )
    result: Float32 = np.cumsum(
        plumes.extinction_at(where), axis=-1, dtype=np.float32
    ) * np.float32(STEP_M)
    return result


def depth_at(depth: Float32, distance: Float32) -> Float32:
    """Interpolate the optical depth at distances.

    Args:
        depth: (M, S) optical depth at the steps of `depth_along`.
        distance: (M,) distances [m].

    Returns:
        (M,) optical depth.
    """
    steps = np.clip(distance / np.float32(STEP_M), 0.0, depth.shape[1])
    below = np.minimum(steps.astype(np.int64), depth.shape[1] - 1)
    rows = np.arange(len(depth))
    low = np.where(below > 0, depth[rows, below - 1], np.float32(0.0))
    result: Float32 = (low + (depth[rows, below] - low) * (steps - below)).astype(np.float32)
    return result
