"""How far every part of an image is: from LiDAR points, the road plane, and the sky."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt, median_filter, uniform_filter

from corruptions.frame_like import Bool, Float32, Float64, FrameLike
from corruptions.weather.resample import cell_size, shrink

REACH_DEG = 3.5
"""Gaps up to twice this wide between LiDAR points are closed: outer beams are up to 4 degrees apart (and look farther
apart towards the corners of an image), and glass gives no echo."""
SUPPORT = 4
"""Cells with points that a cell needs around it (within REACH_DEG, itself included) to count: wires and stray points do not."""
ROAD_TOLERANCE = 0.15
"""Relative difference to the road plane's range up to which a point is taken to lie on the road."""
TOP_MARGIN_DEG = 4.0
"""What the LiDAR's highest beams (within this of the highest return: sensors are mounted tilted) hit goes on above them."""
STRUCTURE_CELLS = 10
"""Cells at the top of a column that show what its structure looks like."""


def range_image(frame: FrameLike, view: int) -> Float32:
    """(h, w) distance from the camera [m] of cells of `cell_size` pixels; inf for the sky.

    1. Cells with LiDAR points of the keyframe take the nearest of them.
    2. Gaps between such cells take the range of the nearest one; if that lies on the road, the road plane's, in proportion.
    3. Columns whose structure reaches the LiDAR's highest beams go on upwards as a vertical wall, except where the image
       looks more like the sky elsewhere in it.
    4. What is left is the road plane (ego z = 0) below the horizon, and sky above it.
    """
    image, cell = frame.images[view], cell_size(frame.images[view])
    shape = (-(-image.shape[0] // cell), -(-image.shape[1] // cell))
    reach = max(1, round(np.radians(REACH_DEG) * frame.camera_K[view, 0, 0] / cell))
    directions = cell_rays(frame, view, shape, cell)
    road = road_range(frame, view, directions)
    measured, elevation = _measured(frame, view, shape, cell)
    around = uniform_filter(np.isfinite(measured).astype(np.float32), 2 * reach + 1, mode="constant")
    known = np.isfinite(measured) & (around * (2 * reach + 1) ** 2 > SUPPORT - 0.5)
    if not known.any():
        return road
    off, (row, column) = distance_transform_edt(~known, return_indices=True)
    nearest = measured[row, column]
    ratio = nearest / road[row, column]
    on_road = (abs(ratio - 1) < ROAD_TOLERANCE) & np.isfinite(road)
    filled = np.where(on_road, ratio * np.where(on_road, road, 0.0), nearest)
    closed = distance_transform_edt(np.pad(off <= reach, reach, mode="edge"))[reach:-reach, reach:-reach] > reach
    closed |= known
    result = np.where(closed, filled, road)
    at_top = elevation[row, column] > _highest_beam(frame) - np.radians(TOP_MARGIN_DEG)
    wall = _walls(closed, filled, at_top, directions[..., 2], 2 * reach + 1)
    sky_like = like_sky(shrink(image, cell).astype(np.float32), closed, np.isinf(result) & np.isinf(wall))
    return np.where(np.isinf(result) & ~sky_like, wall, result).astype(np.float32)


def cell_rays(frame: FrameLike, view: int, shape: tuple[int, int], cell: int) -> Float64:
    """(h, w, 3) unit vectors through the cells' centres, in the ego frame's axes."""
    v, u = np.indices(shape) * cell + (cell - 1) / 2
    pixels = np.stack([u, v, np.ones(shape)], axis=-1)
    ego_R_camera = frame.ego_T_lidar[:3, :3] @ frame.camera_T_lidar[view, :3, :3].T
    rays = pixels @ np.linalg.inv(frame.camera_K[view]).T @ ego_R_camera.T
    result: Float64 = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
    return result


def road_range(frame: FrameLike, view: int, directions: Float64) -> Float32:
    """(h, w) distance to the plane ego z = 0 [m]; inf at and above the horizon."""
    ego_T_camera = frame.ego_T_lidar @ np.linalg.inv(frame.camera_T_lidar[view])
    down = -directions[..., 2]
    height = max(float(ego_T_camera[2, 3]), 0.1)
    return np.where(down > 1e-4, height / np.maximum(down, 1e-4), np.inf).astype(np.float32)


def _measured(frame: FrameLike, view: int, shape: tuple[int, int], cell: int) -> tuple[Float32, Float32]:
    """Of every cell's keyframe points, (h, w) the nearest's distance from the camera [m], and the highest's elevation [rad].

    The elevation is that of the LiDAR's beam. inf and -inf where a cell has no point.
    """
    points = frame.points[frame.sweep_index == 0, :3].astype(np.float64)
    in_camera = points @ frame.camera_T_lidar[view, :3, :3].T + frame.camera_T_lidar[view, :3, 3]
    front = in_camera[:, 2] > 0.1
    points, in_camera = points[front], in_camera[front]
    pixels = in_camera @ frame.camera_K[view].T
    index = np.floor((pixels[:, :2] / pixels[:, 2:] + 0.5) / cell).astype(np.int64)
    inside = ((index >= 0) & (index < (shape[1], shape[0]))).all(axis=1)
    where = (index[inside, 1], index[inside, 0])
    distance, elevation = np.full(shape, np.inf, np.float32), np.full(shape, -np.inf, np.float32)
    np.minimum.at(distance, where, np.linalg.norm(in_camera[inside], axis=1).astype(np.float32))
    beam = np.arctan2(points[inside, 2], np.hypot(points[inside, 0], points[inside, 1]))
    np.maximum.at(elevation, where, beam.astype(np.float32))
    return distance, elevation


def _highest_beam(frame: FrameLike) -> float:
    """Elevation [rad] of the keyframe's tenth highest return: a few stray ones do not count."""
    points = frame.points[frame.sweep_index == 0]
    elevation = np.sort(np.arctan2(points[:, 2], np.hypot(points[:, 0], points[:, 1])))
    return float(elevation[max(len(elevation) - 10, 0)])


def _walls(closed: Bool, filled: Float64, at_top: Bool, sine: Float64, window: int) -> Float64:
    """(h, w) range of a vertical wall above every column's topmost closed cell, where the highest beams hit it; else inf.

    at_top: (h, w) cells whose nearest point is one of the highest beams. sine: (h, w) of the elevation seen from the
    camera. window: columns over which the wall is smoothed (median), so that poles make none.
    """
    top = closed.argmax(axis=0)
    columns = np.arange(closed.shape[1])
    cosine = np.sqrt(1 - sine**2)
    reaches = closed.any(axis=0) & at_top[top, columns]
    distance = np.where(reaches, filled[top, columns] * cosine[top, columns], np.inf)
    distance = median_filter(distance, window, mode="nearest")
    above = np.arange(closed.shape[0])[:, None] < top
    result: Float64 = np.where(above, distance / np.maximum(cosine, 1e-3), np.inf)
    return result


def like_sky(colours: Float32, closed: Bool, sky: Bool) -> Bool:
    """(h, w) cells whose colour is nearer to that of the certain sky (mean) than to that of their column's top structure.

    colours: (h, w, 3). Without any certain sky, none.
    """
    if not sky.any():
        return np.zeros(sky.shape, np.bool_)
    top = np.minimum(closed.argmax(axis=0) + np.arange(STRUCTURE_CELLS)[:, None], len(closed) - 1)
    structure = colours[top, np.arange(sky.shape[1])].mean(axis=0)
    to_sky = ((colours - colours[sky].mean(axis=0)) ** 2).sum(axis=-1)
    result: Bool = to_sky < ((colours - structure) ** 2).sum(axis=-1)
    return result
