"""A wet road in an image: darker, and a mirror."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import (
    binary_dilation,
    binary_opening,
    distance_transform_edt,
    gaussian_filter,
    map_coordinates,
    median_filter,
)

from corruptions.frame_like import Bool, Float32, Float64, FrameLike, Int64, UInt8
from corruptions.imaging.linear_light import to_linear, to_pixels
from corruptions.imaging.resample import cell_size, grow_map, refine_map, shrink_image
from corruptions.weather.range_image import ROAD_TOLERANCE, cell_rays, range_image, road_range
from corruptions.weather.water_film import DIFFUSE_REFLECTANCE, fresnel_reflectance, wet_darkening

FARTHEST_M = 100.0
"""Distance at which things without a range are mirrored [m]."""
MEDIAN_CELLS, SMOOTH_CELLS = 21, (4.0, 12.0)
"""Sizes of the filters that smooth the nearness of what is mirrored across columns.

A median is followed by a normal filter (down, across).
"""
ROUGH_CELLS = 10.0, 4.0
"""Blur of the mirror image (down, across).

Asphalt is rough, and at a flat angle its tilts move a mirror image up and down.
"""
FLATTEST = 0.07
"""Least cosine to the road's normal at which the water mirrors.

No part of a rough road is seen flatter than 4 degrees.
"""
STANDING_M, STANDING_SLOPE = 0.12, 0.01
"""Points higher above the road plane than this plus this times their distance stand on it ..."""
FOOT_M = 0.6
"""... and those up to this high hide it down to their foot [m]: wheels, kerbs, posts."""
OPENING_CELLS = 5
"""Parts of the road smaller than so many cells in any direction stay dry."""


def wet_image(frame: FrameLike, view: int, covered: float) -> UInt8:
    """Render an image with part of its road under water, in linear light.

    L = (1 - w) L0 + w (d L0 + F M) with w = covered where the image shows the road. Here d is the
    darkening of the road under water (`water_film`), F the Fresnel reflectance at the pixel's
    angle, and M the light that the mirrored ray meets, taken from the image itself. The ray leaves
    the road in the azimuth of the pixel until the first thing that stands in it there, whose
    distance is smoothed across the image. The image is read where that point is seen, and blurred,
    above all along the vertical, because asphalt is rough.

    Args:
        frame: Frame with the image.
        view: Number of the camera.
        covered: Share of the road under water, 0..1.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    image = frame.images[view]
    cell = cell_size(image)
    range_m = range_image(frame, view)
    rays = cell_rays(frame, view, range_m.shape, cell)
    plane = road_range(frame, view, rays)
    with np.errstate(invalid="ignore"):
        road = np.isfinite(plane) & (abs(range_m / plane - 1) < ROAD_TOLERANCE)
    road = binary_opening(
        road & ~find_standing(frame, view, range_m.shape, cell),
        np.ones((OPENING_CELLS, OPENING_CELLS)),
    )
    if not road.any():
        return image
    cosine = np.clip(-rays[..., 2], 0.0, 1.0)
    reflectance = fresnel_reflectance(np.maximum(cosine, FLATTEST))
    wet = refine_map(road.astype(np.float32), image) * np.float32(covered)
    darker = (1 - wet_darkening(1 - DIFFUSE_REFLECTANCE, 1 - reflectance)).astype(np.float32)
    mirrored = mirror_scene(frame, view, range_m, road, plane, rays) * reflectance[
        ..., None
    ].astype(np.float32)
    row, column = distance_transform_edt(~road, return_distances=False, return_indices=True)
    darker, mirrored = (
        darker[row, column],
        mirrored[row, column],
    )  # the mask's soft edge reaches into cells that are no road
    linear = to_linear(image)
    linear *= (1 - wet * grow_map(darker, cell, *wet.shape))[..., None]
    for channel in range(3):
        linear[..., channel] += wet * grow_map(
            np.ascontiguousarray(mirrored[..., channel]), cell, *wet.shape
        )
    return to_pixels(linear)


def find_standing(frame: FrameLike, view: int, shape: tuple[int, int], cell: int) -> Bool:
    """Find the cells whose points stand above the road.

    Low ones reach down to their foot on the road plane.

    Args:
        frame: Frame with the points.
        view: Number of the camera.
        shape: (h, w) of the cells.
        cell: Pixels along the side of a cell.

    Returns:
        (h, w) bool.
    """
    points = frame.points[frame.sweep_index == 0, :3].astype(np.float64)
    up = frame.ego_T_lidar[2, :3]
    height = points @ up + frame.ego_T_lidar[2, 3]
    stands = height > STANDING_M + STANDING_SLOPE * np.hypot(points[:, 0], points[:, 1])
    points, height = points[stands], height[stands]
    feet = points - np.where(height < FOOT_M, height, 0.0)[:, None] * up
    top, foot = (_cells_of(frame, view, where, cell) for where in (points, feet))
    inside = (top[:, 2] > 0) & (foot[:, 2] > 0) & (top[:, 0] >= 0) & (top[:, 0] < shape[1])
    column = top[inside, 0]
    first, last = (
        np.clip(end[inside, 1], 0, shape[0]) for end in (top, foot + np.array([0, 1, 0]))
    )
    steps = np.zeros((shape[0] + 1, shape[1]), np.int64)
    np.add.at(steps, (first, column), 1)
    np.add.at(steps, (np.maximum(last, first), column), -1)
    result: Bool = binary_dilation(np.cumsum(steps, axis=0)[:-1] > 0, np.ones((3, 3), np.bool_))
    return result


def _cells_of(frame: FrameLike, view: int, points: Float64, cell: int) -> Int64:
    """Find the cells that show points (P, 3) [m, LiDAR frame].

    Returns (P, 3): column, row, and 1 before the camera, else 0.
    """
    in_camera = points @ frame.camera_T_lidar[view, :3, :3].T + frame.camera_T_lidar[view, :3, 3]
    pixels = in_camera @ frame.camera_K[view].T
    depth = np.maximum(in_camera[:, 2], 0.1)
    place = np.floor(np.clip((pixels[:, :2] / depth[:, None] + 0.5) / cell, -1e6, 1e6))
    result: Int64 = np.column_stack([place, in_camera[:, 2] > 0.1]).astype(np.int64)
    return result


def mirror_scene(
    frame: FrameLike, view: int, range_m: Float32, road: Bool, plane: Float32, rays: Float64
) -> Float32:
    """Compute the light that the road's cells mirror towards the camera.

    Args:
        frame: Frame with the image.
        view: Number of the camera.
        range_m: (h, w) range of what the image shows [m].
        road: (h, w) cells that show the road.
        plane: (h, w) range of the road plane [m].
        rays: (h, w, 3) unit vectors through the cells [ego axes].

    Returns:
        (h, w, 3) linear light.
    """
    image, cell = frame.images[view], cell_size(frame.images[view])
    level = np.hypot(rays[..., 0], rays[..., 1])
    away = np.where(road, plane * level, 0.0)
    beyond = _first_above(np.where(road, np.inf, np.minimum(range_m * level, FARTHEST_M)))
    nearness = median_filter(1 / np.maximum(beyond, 1.0), (1, MEDIAN_CELLS), mode="nearest")
    beyond = np.maximum(1 / gaussian_filter(nearness, SMOOTH_CELLS, mode="nearest"), away)
    height = float((frame.ego_T_lidar @ np.linalg.inv(frame.camera_T_lidar[view]))[2, 3])
    rise = (
        beyond / np.maximum(away, 1e-3) - 1
    ) * height - height  # above the camera, where the mirrored ray meets it
    scale = beyond / np.maximum(level, 1e-3)
    target = np.stack([rays[..., 0] * scale, rays[..., 1] * scale, rise], axis=-1)
    camera_R_ego = frame.camera_T_lidar[view, :3, :3] @ frame.ego_T_lidar[:3, :3].T
    seen = target @ camera_R_ego.T @ frame.camera_K[view].T
    depth = np.maximum(seen[..., 2], 1e-3)
    place = [((seen[..., axis] / depth) + 0.5) / cell - 0.5 for axis in (1, 0)]
    coarse = gaussian_filter(
        to_linear(shrink_image(image, cell)), (*ROUGH_CELLS, 0), mode="nearest"
    )
    channels = [map_coordinates(coarse[..., c], place, order=1, mode="nearest") for c in range(3)]
    return np.stack(channels, axis=-1)


def _first_above(distance: Float64) -> Float64:
    """Find for every cell (h, w) the nearest finite value above it in its column.

    FARTHEST_M stands where no cell is.
    """
    rows = np.arange(len(distance))[:, None]
    source = np.maximum.accumulate(np.where(np.isfinite(distance), rows, -1), axis=0)
    found = np.take_along_axis(distance, np.maximum(source, 0), axis=0)
    return np.where(source >= 0, found, FARTHEST_M)
