"""How far every part of an image is: from LiDAR points, the road plane, and the sky."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt

from corruptions.frame_like import Bool, Float32, Float64, FrameLike
from corruptions.weather.resample import cell_size

REACH_DEG = 1.5
"""A LiDAR point speaks for cells up to this far away: beams are up to 1.3 degrees apart (32 beams)."""
ROAD_TOLERANCE = 0.15
"""Relative difference to the road plane's range up to which a point is taken to lie on the road."""
TOP_MARGIN_DEG = 2.0
"""Where the LiDAR's highest beams still hit something, that something goes on above them."""


def range_image(frame: FrameLike, view: int) -> Float32:
    """(h, w) distance from the camera [m] of cells of `cell_size` pixels; inf for the sky.

    1. Cells with LiDAR points of the keyframe take the nearest of them.
    2. Cells within REACH_DEG of such a cell take its range; if it lies on the road, the road plane's, in proportion.
    3. Columns whose structure reaches the LiDAR's highest beams go on upwards as a vertical wall.
    4. What is left is the road plane below the horizon and sky above it. The road is ego z = 0.
    """
    image, cell = frame.images[view], cell_size(frame.images[view])
    shape = (-(-image.shape[0] // cell), -(-image.shape[1] // cell))
    directions = _rays(frame, view, shape, cell)
    road = _road_range(frame, view, directions)
    measured = _measured(frame, view, shape, cell)
    known = np.isfinite(measured)
    if not known.any():
        return road
    off, (row, column) = distance_transform_edt(~known, return_indices=True)
    nearest = measured[row, column]
    with np.errstate(invalid="ignore"):
        ratio = nearest / road[row, column]
        filled = np.where(abs(ratio - 1) < ROAD_TOLERANCE, ratio * road, nearest)
    reach = np.radians(REACH_DEG) * frame.camera_K[view, 0, 0] / cell
    close = off <= reach
    result = np.where(close, filled, road)
    upward = _continue_upwards(np.where(known, measured, 0.0), close, filled, directions[..., 2])
    return np.where(close | np.isfinite(road), result, upward).astype(np.float32)


def _rays(frame: FrameLike, view: int, shape: tuple[int, int], cell: int) -> Float64:
    """(h, w, 3) unit vectors through the cells' centres, in the ego frame's axes."""
    v, u = np.indices(shape) * cell + (cell - 1) / 2
    pixels = np.stack([u, v, np.ones(shape)], axis=-1)
    ego_R_camera = frame.ego_T_lidar[:3, :3] @ frame.camera_T_lidar[view, :3, :3].T
    rays = pixels @ np.linalg.inv(frame.camera_K[view]).T @ ego_R_camera.T
    result: Float64 = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
    return result


def _road_range(frame: FrameLike, view: int, directions: Float64) -> Float32:
    """(h, w) distance to the plane ego z = 0 [m]; inf at and above the horizon."""
    ego_T_camera = frame.ego_T_lidar @ np.linalg.inv(frame.camera_T_lidar[view])
    down = -directions[..., 2]
    height = max(float(ego_T_camera[2, 3]), 0.1)
    return np.where(down > 1e-4, height / np.maximum(down, 1e-4), np.inf).astype(np.float32)


def _measured(frame: FrameLike, view: int, shape: tuple[int, int], cell: int) -> Float32:
    """(h, w) distance of the nearest keyframe point in every cell [m]; inf where there is none."""
    points = frame.points[frame.sweep_index == 0, :3].astype(np.float64)
    in_camera = points @ frame.camera_T_lidar[view, :3, :3].T + frame.camera_T_lidar[view, :3, 3]
    in_camera = in_camera[in_camera[:, 2] > 0.1]
    pixels = in_camera @ frame.camera_K[view].T
    index = np.floor((pixels[:, :2] / pixels[:, 2:] + 0.5) / cell).astype(np.int64)
    inside = ((index >= 0) & (index < (shape[1], shape[0]))).all(axis=1)
    result = np.full(shape, np.inf, np.float32)
    distance = np.linalg.norm(in_camera[inside], axis=1).astype(np.float32)
    np.minimum.at(result, (index[inside, 1], index[inside, 0]), distance)
    return result


def _continue_upwards(measured: Float64, close: Bool, filled: Float64, sine: Float64) -> Float64:
    """(h, w) range of a wall above the topmost filled cell of every column, if the LiDAR's highest beams hit it; else inf."""
    top_sine = sine[measured > 0].max()
    top = close.argmax(axis=0)
    columns = np.arange(close.shape[1])
    reaches = close.any(axis=0) & (sine[top, columns] >= top_sine - np.radians(TOP_MARGIN_DEG))
    cosine = np.sqrt(1 - sine**2)
    across = np.where(reaches, filled[top, columns] * cosine[top, columns], np.inf)
    above = np.arange(close.shape[0])[:, None] < top
    result: Float64 = np.where(above, across / np.maximum(cosine, 1e-3), np.inf)
    return result
