"""Spray thrown up by traffic on a wet road."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from corruptions.frame_like import Float32, Float64, FrameLike, Int64, UInt8, select_points
from corruptions.imaging.resample import cell_size, grow_map
from corruptions.rng import Streams
from corruptions.weather.detection import (
    FLOOR,
    detection_probability,
    point_rays,
    received_power,
    reflectance_gain,
    to_reflectance,
)
from corruptions.weather.fog_camera import estimate_airlight, veil_image
from corruptions.weather.plumes import STEP_M, Plumes, depth_along, depth_at, find_plumes
from corruptions.weather.range_image import cell_rays, range_image

COARSE = 4
"""Cells of the range image along the side of one whose ray is followed through the spray."""
CLUMPS = 0.5
"""Standard deviation of the logarithm of the density from place to place."""
LUMPS_CELLS = (10.0, 30.0), (4.0, 12.0)
"""Sizes (down, across) of the clumps in an image, which drift along the road."""
RAY_DEG = 1.0
"""LiDAR rays within this angle share the way through the spray [degrees]."""
PULSE_M = 3.0
"""Length of spray that answers together: half of a pulse of 20 ns [m]."""
REFLECTANCE = 0.08
"""pi / (2 S) with the lidar ratio of water drops, S = 20 sr.

A thick cloud of drops returns this share like a matt surface.
"""


def spray(frame: FrameLike, speed_km_h: float, streams: Streams) -> FrameLike:
    """Add spray behind vehicles on a wet road: the own wake, and those of vehicles ahead.

    Wakes grow longer (0.25 s) and denser (speed^2.5) with the speed. No labels are read. A wake
    hangs behind the nearest thing 6 to 40 m ahead that is as wide and tall as a vehicle, in the own
    and both neighbouring lanes (straight along x, 3.5 m apart), found in the LiDAR points
    (`plumes`). The own wake hangs behind the rear axle, the origin of the ego frame. An empty lane
    has none. Whether a vehicle moves is not known, so that one that stands has a wake, too.

    One extinction field serves both sensors. Images get L = L0 t + A (1 - t) with t = exp(-optical
    depth up to what the image shows), clumpy. A LiDAR target keeps t^2. The spray answers from a
    place drawn along its optical depth, with the reflectance 0.08 (1 - exp(-2 alpha 3 m)) t^2, with
    clumps. The stronger one is reported, or nothing under the noise floor.

    Args:
        frame: Frame to corrupt.
        speed_km_h: Speed of the traffic [km/h]. Severities: 50, 70, 90, 110, 130.
        streams: Random streams of the corruption and frame.

    Source:
        In kind after the measurements of Walz et al. (ITSC 2021) and the model of Linnhoff et al.
        (2022). The densities are assumptions.
    """
    plumes = find_plumes(frame, speed_km_h)
    light = estimate_airlight(frame.images)
    images = tuple(
        spray_image(frame, view, plumes, light, streams.nested_per_frame(f"camera{view}"))
        for view in range(len(frame.images))
    )
    return spray_points(frame.replace(images=images), plumes, streams.nested_per_frame("lidar"))


def spray_image(
    frame: FrameLike, view: int, plumes: Plumes, light: Float32, rng: np.random.Generator
) -> UInt8:
    """Render one image through the wakes.

    Args:
        frame: Frame with the image.
        view: Number of the camera.
        plumes: The wakes.
        light: (3,) airlight in linear light.
        rng: Random generator.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    image, cell = frame.images[view], cell_size(frame.images[view])
    range_m = range_image(frame, view)
    row, column = (np.minimum(np.arange(0, n, COARSE) + COARSE // 2, n - 1) for n in range_m.shape)
    directions = cell_rays(frame, view, range_m.shape, cell)[row[:, None], column]
    origin = (frame.ego_T_lidar @ np.linalg.inv(frame.camera_T_lidar[view]))[:3, 3]
    coarse = depth_along(plumes, origin, directions)
    rows, columns = (np.arange(n) // COARSE for n in range_m.shape)
    steps = coarse[rows[:, None], columns].reshape(-1, coarse.shape[-1])
    depth = depth_at(steps, np.minimum(range_m, np.float32(1e4)).ravel()).reshape(range_m.shape)
    noise = (
        _noise(range_m.shape, LUMPS_CELLS[0], rng) + _noise(range_m.shape, LUMPS_CELLS[1], rng)
    ) * np.float32(CLUMPS / 2)
    transmission = grow_map(
        np.exp(-depth * np.exp(noise)).astype(np.float32), cell, *image.shape[:2]
    )
    return veil_image(image, np.clip(transmission, 0.0, 1.0), light)


def spray_points(frame: FrameLike, plumes: Plumes, rng: np.random.Generator) -> FrameLike:
    """Replace a frame's points by those that a LiDAR reports through the wakes.

    The wakes move with the vehicle, so that every sweep sees them at the same place.

    Args:
        frame: Frame to corrupt.
        plumes: The wakes.
        rng: Random generator.
    """
    n = len(frame.points)
    origin, ray, distance = point_rays(frame)
    azimuth = np.degrees(np.arctan2(ray[:, 1], ray[:, 0]))
    elevation = np.degrees(np.arctan2(ray[:, 2], np.hypot(ray[:, 0], ray[:, 1])))
    key: Int64 = (
        np.floor(azimuth / RAY_DEG).astype(np.int64) * 1000
        + np.floor(elevation / RAY_DEG).astype(np.int64)
        + 500
    )
    keys, index = np.unique(key, return_inverse=True)
    a, e = (
        np.radians((keys // 1000 + 0.5) * RAY_DEG),
        np.radians((keys % 1000 - 500 + 0.5) * RAY_DEG),
    )
    directions: Float64 = np.stack(
        [np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], axis=-1
    )
    table = depth_along(plumes, frame.ego_T_lidar[:3, 3], directions @ frame.ego_T_lidar[:3, :3].T)
    depth = depth_at(table[index], distance)
    place = rng.random(n, np.float32) * depth
    step = (table[index] < place[:, None]).sum(axis=1)
    echo_range = np.minimum((step + rng.random(n)) * STEP_M, distance)
    alpha = (
        np.diff(table, axis=1, prepend=np.float32(0.0))[index, np.minimum(step, table.shape[1] - 1)]
        / STEP_M
    )
    clumpy = alpha * np.exp(CLUMPS * rng.standard_normal(n, np.float32))
    echo_reflectance = REFLECTANCE * -np.expm1(-2 * clumpy * PULSE_M) * np.exp(-2 * place)
    echo = echo_reflectance / np.maximum(echo_range, 1.0) ** 2
    scale = reflectance_gain(frame.points[:, 3])
    clear = received_power(to_reflectance(frame.points[:, 3], scale), distance)
    factor = np.exp(-2 * depth)
    alive = rng.random(n) < detection_probability(clear, factor)
    false = (echo > FLOOR) & ((echo > clear * factor) | ~alive)
    points: Float32 = frame.points.copy()
    stretch = np.where(false, echo_range / np.maximum(distance, np.float32(0.1)), 1.0).astype(
        np.float32
    )
    points[:, :3] = np.where(false[:, None], origin + ray * stretch[:, None], points[:, :3])
    points[:, 3] = np.where(false, np.minimum(echo_reflectance / scale, 1.0), points[:, 3] * factor)
    return select_points(frame.replace(points=points), alive | false)


def _noise(shape: tuple[int, int], cells: tuple[float, float], rng: np.random.Generator) -> Float32:
    """(h, w) smooth standard normal noise, lumps of about so many cells (down, across)."""
    smooth = gaussian_filter(rng.standard_normal(shape, np.float32), cells, mode="wrap")
    return np.asarray(smooth * np.float32(2 * np.sqrt(np.pi * cells[0] * cells[1])), np.float32)
