"""A 32-beam spinning LiDAR, after the Velodyne HDL-32E of nuScenes.

Source: the sensor's user manual (-30.67 to +10.67 degrees, 20 Hz).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from calico.data.sim.map_raster import BIT, GroundMap
from calico.data.sim.materials import LASER_ALBEDO, LASER_LOSS, LASER_SPREAD_M, Material
from calico.data.sim.raycast import Hits, Solid, cast_rays
from calico.frame import Bool, Float32, Float64, Int16
from calico.geometry.frames import from_yaw

BEAMS = 32
AZIMUTHS = 1084
ELEVATION_DEG = (-30.67, 10.67)
MAX_RANGE_M = 70.0
MIN_RANGE_M = 1.0
RANGE_NOISE_M = 0.02
"""The manual's typical accuracy, one standard deviation."""
DARK_RANGE_M = 75.0
"""Range at which a surface of reflectivity 0.1, met squarely, returns half of its rays."""
CLUTTER_LOSS = 0.02
"""Share of returns lost for no reason."""

EGO_T_LIDAR: Float64 = from_yaw(0.0, (0.94, 0.0, 1.84))
"""nuScenes' mount."""


@dataclass(frozen=True)
class Sweep:
    """One turn of the sensor.

    Attributes:
        xyz: (N, 3) points [m, the sensor's frame].
        intensity: (N,) from 0 to 1.
        ring: (N,) beam index.
        owner: (N,) index of the actor that was hit, or -1.
    """

    xyz: Float32
    intensity: Float32
    ring: Int16
    owner: Int16


@lru_cache(maxsize=1)
def beam_directions() -> Float32:
    """(BEAMS * AZIMUTHS, 3) unit vectors in the LiDAR frame, ring by ring from the lowest."""
    elevation = np.deg2rad(np.linspace(*ELEVATION_DEG, BEAMS))[:, None]
    azimuth = (np.arange(AZIMUTHS) * 2 * np.pi / AZIMUTHS)[None]
    rays = np.stack(
        np.broadcast_arrays(
            np.cos(elevation) * np.cos(azimuth),
            np.cos(elevation) * np.sin(azimuth),
            np.sin(elevation),
        ),
        -1,
    )
    return rays.reshape(-1, 3).astype(np.float32)


def scan_world(
    solids: tuple[Solid, ...], ground: GroundMap, global_T_lidar: Float64, rng: np.random.Generator
) -> Sweep:
    """Simulate one turn of the LiDAR, with all beams at the same instant.

    Args:
        solids: Everything that rays can meet.
        ground: Map of the ground, for its reflectivity.
        global_T_lidar: (4, 4) pose of the sensor.
        rng: Generator of the noise.
    """
    local = beam_directions()
    directions = np.ascontiguousarray(local @ global_T_lidar[:3, :3].T.astype(np.float32))
    origins = np.tile(global_T_lidar[:3, 3].astype(np.float32), (len(local), 1))
    hits = cast_rays(solids, origins, directions)
    noise = rng.standard_normal((2, len(local)), dtype=np.float32)
    chance = rng.random((2, len(local)), dtype=np.float32)
    cosine = np.abs(np.einsum("ij,ij->i", hits.normal, directions))
    albedo = look_up_reflectivity(
        hits, ground, (origins + directions * hits.distance_m[:, None]).astype(np.float32)
    )
    kept = find_returns(hits, albedo, cosine, chance)
    spread = RANGE_NOISE_M + LASER_SPREAD_M[hits.material]
    distance = (hits.distance_m + spread * noise[0])[kept]
    strength = albedo * (0.35 + 0.65 * cosine) * (1 + 0.12 * noise[1])
    ring = np.repeat(np.arange(BEAMS, dtype=np.int16), AZIMUTHS)
    return Sweep(
        (local[kept] * distance[:, None]).astype(np.float32),
        np.clip(strength[kept], 0.0, 1.0).astype(np.float32),
        ring[kept],
        hits.owner[kept].astype(np.int16),
    )


def look_up_reflectivity(hits: Hits, ground: GroundMap, xyz: Float32) -> Float32:
    """Look up the reflectivity of what was hit.

    It is the material's, modulated by the brightness of the colour. Paint on the road shines.

    Args:
        hits: What the rays met.
        ground: Map of the ground, for its paint.
        xyz: (R, 3) places of the hits [m, world].

    Returns:
        (R,) reflectivity from 0 to 1.
    """
    luminance = hits.color @ np.array([0.3, 0.5, 0.2], np.float32)
    albedo = LASER_ALBEDO[hits.material] * np.clip(0.45 + 1.1 * luminance, 0.3, 1.6)
    floor = np.flatnonzero(hits.found & (hits.material == Material.GROUND))
    bits = ground.lookup(xyz[floor, :2])
    value = np.full(len(floor), 0.22, np.float32)
    value[(bits & BIT["walkway"]) > 0] = 0.30
    value[(bits & (BIT["drivable_area"] | BIT["carpark_area"])) > 0] = 0.12
    value[(bits & (BIT["white"] | BIT["yellow"])) > 0] = 0.55
    albedo[floor] = value
    result: Float32 = albedo.astype(np.float32)
    return result


def find_returns(
    hits: Hits, albedo: Float32, cosine: Float32, chance: Float32, max_range_m: float = MAX_RANGE_M
) -> Bool:
    """Find the rays that come back: strong enough for their range, not lost in glass or by chance.

    The received power of an extended target falls with the square of the range (the LiDAR
    equation); a logistic curve about the threshold stands for the detector.

    Args:
        hits: What R rays met.
        albedo: (R,) reflectivity of it.
        cosine: (R,) of the angle between ray and normal.
        chance: (2, R) random numbers from 0 to 1.
        max_range_m: Range of the sensor [m].

    Returns:
        (R,) mask.
    """
    in_range = (hits.distance_m > MIN_RANGE_M) & (hits.distance_m < max_range_m)
    power = (
        albedo
        * np.maximum(cosine, 0.02)
        / 0.1
        * (DARK_RANGE_M / np.maximum(hits.distance_m, 1.0)) ** 2
    )
    detected = power**2 / (1 + power**2)
    result: Bool = (
        in_range
        & (chance[0] < detected * (1 - CLUTTER_LOSS))
        & (chance[1] >= LASER_LOSS[hits.material])
    )
    return result
