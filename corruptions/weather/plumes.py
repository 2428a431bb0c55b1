"""Clouds of water drops behind vehicles on a wet road: where they are and how dense."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from corruptions.frame_like import Float32, Float64
from corruptions.rng import Streams

LANE_M = 3.5
OWN_START_M = -0.5
"""Of the own wake: just behind the rear axle, the origin of the ego frame."""
AHEAD_M = (12.0, 35.0)
"""Distance to the rear of the vehicle ahead in a lane."""
LIFETIME_S = 0.4
"""The drops of a wake fall out of it within this time (to 1/e)."""
DENSITY = 0.05
"""Extinction [1/m] on the road right behind a vehicle at 100 km/h. An assumption: a whole wake then takes a
seventh of the light from a camera that looks along it."""
GROWTH = 2.5
"""Density grows with this power of the speed. An assumption."""
STEP_M = 1.0
REACH_M = 48.0


@dataclass(frozen=True)
class Plumes:
    """K wakes along the ego's x axis.

    start, lane: (K,) x of the vehicle's rear and y of its middle [m, ego frame]. density: [1/m]. length_m: to 1/e.
    """

    start: Float64
    lane: Float64
    density: float
    length_m: float

    def extinction(self, where: Float32) -> Float32:
        """(...,) alpha [1/m] at points (..., 3) of the ego frame.

        At s behind the vehicle, y beside its middle, z above the road: density exp(-s / length) exp(-y^2 / 2 w^2) exp(-z / h)
        with w = 0.9 + 0.05 s and h = 0.6 + 0.04 s [m].
        """
        total = np.zeros(where.shape[:-1], np.float32)
        z = np.maximum(where[..., 2], 0.0)
        for start, lane in zip(self.start, self.lane, strict=True):
            s = np.float32(start) - where[..., 0]
            behind = np.maximum(s, 0.0)
            across = (where[..., 1] - np.float32(lane)) / (np.float32(0.9) + np.float32(0.05) * behind)
            fall = (
                behind * np.float32(1 / self.length_m)
                + across**2 / 2
                + z / (np.float32(0.6) + np.float32(0.04) * behind)
            )
            total += np.where(s > 0, np.exp(-fall), np.float32(0.0))
        result: Float32 = total * np.float32(self.density)
        return result


def scene_plumes(speed_km_h: float, streams: Streams) -> Plumes:
    """The own wake and those of one vehicle ahead in the own lane and in each neighbouring one; lasting for a scene."""
    ahead = streams.nested_scene("traffic").uniform(*AHEAD_M, 3)
    return Plumes(
        start=np.array([OWN_START_M, *ahead]),
        lane=np.array([0.0, 0.0, LANE_M, -LANE_M]),
        density=DENSITY * (speed_km_h / 100) ** GROWTH,
        length_m=speed_km_h / 3.6 * LIFETIME_S,
    )


def depth_along(plumes: Plumes, origin: Float64, directions: Float64) -> Float32:
    """(..., REACH_M / STEP_M) optical depth from origin (3,) [ego frame] to 1, 2, ... STEP_M along unit vectors (..., 3)."""
    middle = ((np.arange(round(REACH_M / STEP_M)) + 0.5) * STEP_M).astype(np.float32)
    where = origin.astype(np.float32) + directions.astype(np.float32)[..., None, :] * middle[:, None]
    result: Float32 = np.cumsum(plumes.extinction(where), axis=-1, dtype=np.float32) * np.float32(STEP_M)
    return result


def depth_at(depth: Float32, distance: Float32) -> Float32:
    """(M,) optical depth at distances (M,) [m], between the steps of depth (M, S)."""
    steps = np.clip(distance / np.float32(STEP_M), 0.0, depth.shape[1])
    below = np.minimum(steps.astype(np.int64), depth.shape[1] - 1)
    rows = np.arange(len(depth))
    low = np.where(below > 0, depth[rows, below - 1], np.float32(0.0))
    result: Float32 = (low + (depth[rows, below] - low) * (steps - below)).astype(np.float32)
    return result
