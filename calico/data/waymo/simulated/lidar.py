"""Scans the simulator's world with one of five LiDARs, as range images with two returns.

A beam has a width. Two rays stand for it, half its width apart. If they meet surfaces far from each
other, the light comes back twice. If the surfaces are near each other, or one is met at a flat
angle, the pulse comes back longer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from calico.data.sim.lidar import RANGE_NOISE_M, find_returns, look_up_reflectivity
from calico.data.sim.map_raster import GroundMap
from calico.data.sim.materials import LASER_SPREAD_M
from calico.data.sim.raycast import Solid, cast_rays
from calico.data.waymo.range_image import beam_inclinations, column_azimuths
from calico.data.waymo.records import LidarCalibration, LidarScan
from calico.data.waymo.simulated.poses import pose_vectors
from calico.frame import Float32, Float64

BEAM_RAD = 0.003
"""Width of a beam, the order of magnitude of spinning sensors."""
SEPARATION_M = 0.75
"""Surfaces nearer than this to each other give one, longer return."""
MAX_STRENGTH = 0.995
"""The file's intensity is the inverse of the hyperbolic tangent of the simulator's, up to this."""


@dataclass(frozen=True)
class Surroundings:
    """What a scan meets.

    Attributes:
        solids: Everything that rays can meet. Things stay where they are while the sensor turns.
        ground: Map of the ground, for its reflectivity.
        zones: Areas without labels.
    """

    solids: tuple[Solid, ...]
    ground: GroundMap
    zones: shapely.Geometry


def scan_range_images(
    world: Surroundings,
    calibration: LidarCalibration,
    size: tuple[int, int],
    poses: Float64,
    max_range_m: float,
    half_view_rad: float,
    rng: np.random.Generator,
) -> tuple[Float32, Float32]:
    """Scan the world once.

    Args:
        world: What is there.
        calibration: Of the LiDAR.
        size: Rows and columns of the range images.
        poses: (W, 4, 4) pose of the vehicle in the simulator's world at each column.
        max_range_m: Range of the sensor [m].
        half_view_rad: Azimuth in the sensor's frame up to which it sees, to both sides [rad].
        rng: Generator of the noise.

    Returns:
        The range images (H, W, 4) of both returns.
    """
    rows, columns = size
    inclination = beam_inclinations(calibration, rows)
    azimuth = column_azimuths(calibration, columns)
    seen = np.abs((azimuth + np.pi) % (2 * np.pi) - np.pi) <= half_view_rad
    sensor = poses[seen] @ calibration.vehicle_T_lidar
    origins = np.tile(sensor[:, :3, 3].astype(np.float32), (rows, 1))
    both = [
        _cast_beam(
            world, inclination + shift, azimuth[seen] + shift, sensor, origins, max_range_m, rng
        )
        for shift in (0.0, BEAM_RAD / 2)
    ]
    first, second = merge_rays(*both)
    images = []
    for values in (first, second):
        image = np.full((rows, columns, 4), -1.0, np.float32)
        image[:, seen] = values.reshape(rows, -1, 4)
        images.append(image)
    return images[0], images[1]


def make_scan(images: tuple[Float32, Float32], poses: Float64 | None) -> LidarScan:
    """Make the record of a scan.

    Args:
        images: Of both returns.
        poses: (W, 4, 4) poses of the vehicle in the records' world at each column; None for the
            LiDARs that have none.
    """
    if poses is None:
        return LidarScan(images)
    rows = images[0].shape[0]
    pixels = np.repeat(pose_vectors(poses).astype(np.float32)[None], rows, axis=0)
    return LidarScan(images, pixels)


def _cast_beam(
    world: Surroundings,
    inclination: Float64,
    azimuth: Float64,
    sensor: Float64,
    origins: Float32,
    max_range_m: float,
    rng: np.random.Generator,
) -> Float32:
    """Range (-1 for none), intensity, flatness, zone (H * W, 4) of one ray per pixel."""
    level, up = np.cos(inclination)[:, None], np.sin(inclination)[:, None]
    local = np.stack(
        np.broadcast_arrays(level * np.cos(azimuth), level * np.sin(azimuth), up), axis=-1
    )
    turned = np.einsum("wij,hwj->hwi", sensor[:, :3, :3], local).reshape(-1, 3)
    directions = np.ascontiguousarray(turned.astype(np.float32))
    hits = cast_rays(world.solids, origins, directions)
    chance = rng.random((2, len(directions)), dtype=np.float32)
    noise = rng.standard_normal((2, len(directions)), dtype=np.float32)
    cosine = np.abs(np.einsum("ij,ij->i", hits.normal, directions))
    xyz = (origins + directions * hits.distance_m[:, None]).astype(np.float32)
    albedo = look_up_reflectivity(hits, world.ground, xyz)
    found = find_returns(hits, albedo, cosine, chance, max_range_m)
    spread = RANGE_NOISE_M + LASER_SPREAD_M[hits.material]
    strength = albedo * (0.35 + 0.65 * cosine) * (1 + 0.12 * noise[1])
    values = np.full((len(directions), 4), -1.0, np.float32)
    values[:, 0] = np.where(found, np.maximum(hits.distance_m + spread * noise[0], 0.1), -1)
    values[:, 1] = np.arctanh(np.clip(strength, 0, MAX_STRENGTH))
    values[:, 2] = 1 - cosine
    inside = np.flatnonzero(found)
    zone = shapely.contains_xy(world.zones, xyz[inside, 0], xyz[inside, 1])
    values[inside[zone], 3] = 1.0
    return values


def merge_rays(main: Float32, other: Float32) -> tuple[Float32, Float32]:
    """Merge the two rays of each beam into its returns.

    Args:
        main: (N, 4) range (-1 for none), intensity, flatness (1 - cosine of the angle to the
            normal), zone of the ray in the middle.
        other: (N, 4) the same of the ray at the beam's edge.

    Returns:
        (N, 4) range, intensity, elongation, zone of the first return, and of the second. All
        values of a return that does not exist are -1.
    """
    has_main, has_other = main[:, 0] > 0, other[:, 0] > 0
    apart = np.abs(main[:, 0] - other[:, 0])
    two = has_main & has_other & (apart > SEPARATION_M)
    near, far = np.where((main[:, 0] <= other[:, 0])[:, None], (main, other), (other, main))
    first = np.where(two[:, None], near, np.where(has_main[:, None], main, other))
    second = np.where(two[:, None], far, np.float32(-1))
    for values in (first, second):
        values[two, 1] *= 0.5  # each surface gets half of the light
    one = has_main & has_other & ~two
    longer = np.where(one, apart / np.float32(SEPARATION_M), np.float32(0))
    first[:, 2] = np.clip(0.5 * first[:, 2] + longer, 0, 1.5)
    second[two, 2] *= 0.5
    first[first[:, 0] <= 0] = -1.0
    return first.astype(np.float32), second.astype(np.float32)
