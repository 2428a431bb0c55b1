"""A wet road in an image: darker, and a mirror."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import map_coordinates

from corruptions.camera.light import to_linear, to_pixels
from corruptions.frame_like import Bool, Float32, Float64, FrameLike, UInt8
from corruptions.weather.range_image import ROAD_TOLERANCE, cell_rays, range_image, road_range
from corruptions.weather.resample import cell_size, grow, refine, shrink
from corruptions.weather.water_film import DIFFUSE_REFLECTANCE, darkening, fresnel

FARTHEST_M = 100.0
"""What has no range is mirrored as if it were this far away."""


def wet_image(frame: FrameLike, view: int, covered: float) -> UInt8:
    """The image with the share `covered` of its road under water, in linear light.

    L = (1 - w) L0 + w (d L0 + F M) with w = covered where the image shows the road: d is the darkening of the road under
    water (`water_film`), F the Fresnel reflectance at the pixel's angle and M what the mirrored ray meets, taken from the
    image itself: the ray leaves the road in the azimuth of the pixel until the first thing that stands in it there, and the
    image is read where that point is seen. Mirror images are only as sharp as a cell: asphalt is rough.
    """
    image = frame.images[view]
    cell = cell_size(image)
    range_m = range_image(frame, view)
    rays = cell_rays(frame, view, range_m.shape, cell)
    plane = road_range(frame, view, rays)
    with np.errstate(invalid="ignore"):
        road = np.isfinite(plane) & (abs(range_m / plane - 1) < ROAD_TOLERANCE)
    if not road.any():
        return image
    cosine = np.clip(-rays[..., 2], 0.0, 1.0)
    reflectance = fresnel(cosine)
    wet = refine(road.astype(np.float32), image) * np.float32(covered)
    darker = (1 - darkening(1 - DIFFUSE_REFLECTANCE, 1 - reflectance)).astype(np.float32)
    mirrored = mirror(frame, view, range_m, road, plane, rays) * reflectance[..., None].astype(np.float32)
    linear = to_linear(image)
    linear *= (1 - wet * grow(darker, cell, *wet.shape))[..., None]
    for channel in range(3):
        linear[..., channel] += wet * grow(np.ascontiguousarray(mirrored[..., channel]), cell, *wet.shape)
    return to_pixels(linear)


def mirror(frame: FrameLike, view: int, range_m: Float32, road: Bool, plane: Float32, rays: Float64) -> Float32:
    """(h, w, 3) linear light that the road's cells mirror towards the camera.

    road: (h, w) cells that show it. plane: (h, w) range of the road plane [m]. rays: (h, w, 3) unit vectors, ego axes.
    """
    image, cell = frame.images[view], cell_size(frame.images[view])
    level = np.hypot(rays[..., 0], rays[..., 1])
    away = np.where(road, plane * level, 0.0)
    beyond = _first_above(np.where(road, np.inf, np.minimum(range_m * level, FARTHEST_M)))
    beyond = np.maximum(np.minimum(beyond, FARTHEST_M), away)
    height = float((frame.ego_T_lidar @ np.linalg.inv(frame.camera_T_lidar[view]))[2, 3])
    rise = (beyond / np.maximum(away, 1e-3) - 1) * height - height  # above the camera, where the mirrored ray meets it
    scale = beyond / np.maximum(level, 1e-3)
    target = np.stack([rays[..., 0] * scale, rays[..., 1] * scale, rise], axis=-1)
    camera_R_ego = frame.camera_T_lidar[view, :3, :3] @ frame.ego_T_lidar[:3, :3].T
    seen = target @ camera_R_ego.T @ frame.camera_K[view].T
    depth = np.maximum(seen[..., 2], 1e-3)
    place = [((seen[..., axis] / depth) + 0.5) / cell - 0.5 for axis in (1, 0)]
    coarse = to_linear(shrink(image, cell))
    channels = [map_coordinates(coarse[..., c], place, order=1, mode="nearest") for c in range(3)]
    return np.stack(channels, axis=-1)


def _first_above(distance: Float64) -> Float64:
    """(h, w) of every cell the value of the nearest cell above it in its column that has one (is finite), else FARTHEST_M."""
    rows = np.arange(len(distance))[:, None]
    source = np.maximum.accumulate(np.where(np.isfinite(distance), rows, -1), axis=0)
    found = np.take_along_axis(distance, np.maximum(source, 0), axis=0)
    return np.where(source >= 0, found, FARTHEST_M)
