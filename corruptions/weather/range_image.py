"""How far every part of an image is, from LiDAR points, the road plane and the sky."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import (
    distance_transform_edt,
    gaussian_filter1d,
    grey_closing,
    label,
    median_filter,
    uniform_filter,
)

from corruptions.frame_like import Bool, Float32, Float64, FrameLike, UInt8
from corruptions.imaging.resample import cell_size, shrink_image

REACH_DEG = 3.5
"""Gaps up to twice this wide between LiDAR points are closed [degrees].

Outer beams are up to 4 degrees apart (they look farther apart towards the corners of an image), and
glass gives no echo.
"""
SUPPORT = 4
"""Cells with points that a cell needs around it to count, itself included.

They lie within REACH_DEG. Wires and stray points do not count.
"""
ROAD_TOLERANCE = 0.15
"""Relative difference to the road plane's range up to which a point lies on the road."""
TOP_MARGIN_DEG = 4.0
"""Things that the LiDAR's highest beams hit go on above them [degrees].

Beams count within this angle of the highest return, because sensors are mounted tilted.
"""
SKY_COLOUR = 45.0
"""Distance in RGB from the sky's colour up to which a cell may be sky [grey levels].

It holds even where structure looks alike.
"""
REACH_M = 100.0
"""Distance that structure without an echo is taken to have [m].

It is about the reach of a LiDAR on dark things.
"""
LOWEST_SKY_DEG = 1.0
"""Sky is looked for above this elevation [degrees].

Roads are not flat, and the horizon is seldom free.
"""
BRIGHT, TEXTURE, GREEN = (0.25, 0.45), (14.0, 7.0), (14.0, 5.0)
"""Where a cell begins to look like sky, and where it fully does.

`BRIGHT` is the brightness, from the median below the horizon (0) to the brightest of what may be
sky (1). `TEXTURE` is the deviation between neighbouring cells [grey levels]. `GREEN` is how much
green is above red and blue [grey levels].
"""
SKY_BANDS = 10
"""The sky's colour is taken from a tenth of the image's height around a row."""
CLOUD_CELLS = 7
"""Gaps in the sky up to this wide are sky, too: edges of clouds, wires."""
MIN_SKY_CONTRAST = 30.0
"""Grey levels by which sky is brighter than the ground at least."""
SKY_PATCH = 0.002
"""Share of the image that a patch of sky fills at least, without the parts between echoes."""


@dataclass(frozen=True)
class View:
    """What one camera sees, on cells of `cell_size` pixels.

    Attributes:
        range_m: (h, w) float32 distance from the camera of the road or of what stands on it [m]. It
            is finite everywhere.
        sky: (h, w) float32 share of sky, 0..1.
        sine: (h, w) float32 sine of the elevation of the cell's ray above the horizon.
    """

    range_m: Float32
    sky: Float32
    sine: Float32

    def transmission_through(self, extinction: float, layer_m: float) -> Float32:
        """Compute the share of the light that comes through air of one extinction.

        Args:
            extinction: Extinction of the air [1/m].
            layer_m: Height up to which the air is filled [m]. A ray to the sky leaves the layer
                after layer_m / sine. The air below the horizon's haze (`LOWEST_SKY_DEG`) counts
                like that at it.

        Returns:
            (h, w) float32, 0..1.
        """
        leaving = layer_m / np.maximum(self.sine, np.float32(np.sin(np.radians(LOWEST_SKY_DEG))))
        through_sky = np.exp(np.float32(-extinction) * leaving)
        through_air = np.exp(np.float32(-extinction) * self.range_m)
        return np.asarray(self.sky * through_sky + (1 - self.sky) * through_air, np.float32)


def view_image(frame: FrameLike, view: int) -> View:
    """Estimate how far everything in an image is, and which part of it is sky.

    1. Cells with LiDAR points of the keyframe take the nearest of them.
    2. Gaps between these cells take the range of the nearest one. If that one lies on the road,
       they take the road plane's, in proportion.
    3. What stands above the highest beams in a column goes on upwards from there as a vertical
       wall.
    4. Everything else that is no sky is the road plane (ego z = 0), but at most `REACH_M` away. A
       LiDAR without an echo does not tell trees at 60 m from towers at 600 m, and a wrong guess
       must not wipe them out.
    5. If a cell has no point, the picture shows whether it is sky (`sky_share`).

    Args:
        frame: Frame with images and points.
        view: Number of the camera.
    """
    image, cell = frame.images[view], cell_size(frame.images[view])
    shape = (-(-image.shape[0] // cell), -(-image.shape[1] // cell))
    reach = max(1, round(np.radians(REACH_DEG) * frame.camera_K[view, 0, 0] / cell))
    rays = cell_rays(frame, view, shape, cell)
    road = road_range(frame, view, rays)
    known, closed, filled, at_top = _close_gaps(frame, view, shape, cell, road, reach)
    wall = _walls(closed, filled, at_top, rays[..., 2], 2 * reach + 1)
    unmeasured = np.minimum(np.minimum(road, wall), REACH_M)
    unmeasured = np.exp(gaussian_filter1d(np.log(unmeasured), reach, axis=1, mode="nearest"))
    sky = sky_share(image, cell, known, closed | np.isfinite(wall), rays[..., 2], 2 * reach + 1)
    return View(
        np.where(closed, filled, unmeasured).astype(np.float32),
        sky,
        rays[..., 2].astype(np.float32),
    )


def range_image(frame: FrameLike, view: int) -> Float32:
    """Estimate the distance of an image's cells from the camera, see `view_image`.

    Args:
        frame: Frame with images and points.
        view: Number of the camera.

    Returns:
        (h, w) float32 [m]; inf where the sky is.
    """
    seen = view_image(frame, view)
    return np.where(seen.sky > 0.5, np.float32(np.inf), seen.range_m)


def sky_share(
    image: UInt8, cell: int, known: Bool, solid: Bool, sine: Float64, window: int
) -> Float32:
    """Estimate the share of sky in every cell from the picture.

    Sky is above the horizon, brighter than most of what is below it, smooth, not green, and fills a
    good part of the image without an echo. Between echoes, and above a wall, it must also look like
    the sky elsewhere (`like_sky`).

    Args:
        image: (H, W, 3) uint8 RGB.
        cell: Pixels along the side of a cell.
        known: (h, w) cells with echoes.
        solid: (h, w) cells between echoes, or above a wall.
        sine: (h, w) sine of the rays' elevation.
        window: Cells around a cell whose echoes show what the structure there looks like.

    Returns:
        (h, w) float32, 0..1.
    """
    colours = shrink_image(image, cell).astype(np.float32)
    light = colours.mean(axis=-1)
    candidate = sine > np.sin(np.radians(LOWEST_SKY_DEG))
    open_sky = candidate & ~known & ~solid
    if not candidate.any():
        return np.zeros(known.shape, np.float32)
    texture = np.sqrt(np.maximum(uniform_filter(light**2, 3) - uniform_filter(light, 3) ** 2, 0))
    below = float(np.median(light[sine < 0])) if (sine < 0).any() else float(light.min())
    top = float(np.quantile(light[open_sky if open_sky.any() else candidate], 0.95))
    bright = (light - below) / max(top - below, MIN_SKY_CONTRAST)
    green = colours[..., 1] - np.maximum(colours[..., 0], colours[..., 2])
    score = _ramp(bright, *BRIGHT) * _ramp(texture, *TEXTURE) * _ramp(green, *GREEN) * candidate
    score *= ~(solid & ~like_sky(colours, known, (score > 0.9) & open_sky, window))
    share = (
        grey_closing(uniform_filter(score.astype(np.float32), 3, mode="nearest"), CLOUD_CELLS)
        * candidate
    )
    labels, count = label(share > 0.5)
    sizes = np.bincount(labels[open_sky], minlength=count + 1)
    kept = np.flatnonzero(sizes > SKY_PATCH * labels.size)
    return np.asarray(np.where(np.isin(labels, kept[kept > 0]), share, 0), np.float32)


def like_sky(colours: Float32, known: Bool, sky: Bool, window: int) -> Bool:
    """Find the cells that look more like the certain sky than like the structure around them.

    Cells that look just like that sky count, too. The sky's colour changes with the elevation, so
    that every row is compared with the sky in the rows around it.

    Args:
        colours: (h, w, 3) mean colours [grey levels].
        known: (h, w) cells with echoes.
        sky: (h, w) certain sky. Without any, no cell is like it.
        window: Cells around a cell whose echoes count.

    Returns:
        (h, w) bool.
    """
    if not sky.any():
        return np.zeros(sky.shape, np.bool_)
    rows = max(3, len(sky) // SKY_BANDS)
    in_row = (
        colours.sum(axis=1, where=sky[..., None], keepdims=True),
        sky.sum(axis=1, keepdims=True),
    )
    of_sky = _local_mean(in_row[0], in_row[1].astype(np.float32), (rows, 1))
    of_structure = _local_mean(
        colours * known[..., None], known.astype(np.float32), (window, window)
    )
    to_sky = ((colours - of_sky) ** 2).sum(axis=-1)
    to_structure = ((colours - of_structure) ** 2).sum(axis=-1)
    result: Bool = to_sky < np.maximum(to_structure, SKY_COLOUR**2)
    return result


def _local_mean(total: Float32, count: Float32, window: tuple[int, int]) -> Float32:
    """Compute the mean colour (h, w, 3) in a window around every cell.

    If nothing lies in the window, the mean of the nearest window is taken. `total` is the sum of
    colours (h, w, 3) in a cell, `count` (h, w) how many they are.
    """
    weight = uniform_filter(count, window, mode="constant")
    empty = weight < 0.5 * np.float32(1 / (window[0] * window[1]))
    if empty.all():
        return np.full(total.shape, np.inf, np.float32)
    row, column = distance_transform_edt(empty, return_distances=False, return_indices=True)
    mean = (
        uniform_filter(total, (*window, 1), mode="constant") / np.maximum(weight, 1e-9)[..., None]
    )
    return np.asarray(mean[row, column], np.float32)


def _ramp(values: Float32, out: float, full: float) -> Float32:
    """Map values linearly from 0 at `out` to 1 at `full`."""
    return np.asarray(
        np.clip((values - np.float32(out)) / np.float32(full - out), 0, 1), np.float32
    )


def _close_gaps(
    frame: FrameLike, view: int, shape: tuple[int, int], cell: int, road: Float32, reach: int
) -> tuple[Bool, Bool, Float64, Bool]:
    """Find the cells with echoes, close the gaps between them, and give them ranges.

    It returns four arrays (h, w): the cells with echoes, those and the gaps between them, ranges
    [m], and the cells hit by the highest beams.
    """
    measured, elevation = _measured(frame, view, shape, cell)
    around = uniform_filter(
        np.isfinite(measured).astype(np.float32), 2 * reach + 1, mode="constant"
    )
    known = np.isfinite(measured) & (around * (2 * reach + 1) ** 2 > SUPPORT - 0.5)
    if not known.any():
        none: Bool = np.zeros(shape, np.bool_)
        return none, none, np.full(shape, np.inf), none
    off, (row, column) = distance_transform_edt(~known, return_indices=True)
    nearest = measured[row, column]
    ratio = nearest / road[row, column]
    on_road = (abs(ratio - 1) < ROAD_TOLERANCE) & np.isfinite(road)
    filled: Float64 = np.where(on_road, ratio * np.where(on_road, road, 0.0), nearest)
    padded = np.pad(off <= reach, reach, mode="edge")
    closed: Bool = distance_transform_edt(padded)[reach:-reach, reach:-reach] > reach
    at_top: Bool = elevation[row, column] > _highest_beam(frame) - np.radians(TOP_MARGIN_DEG)
    return known, closed | known, filled, at_top


def cell_rays(frame: FrameLike, view: int, shape: tuple[int, int], cell: int) -> Float64:
    """Compute the rays through the cells' centres.

    Args:
        frame: Frame with the camera.
        view: Number of the camera.
        shape: (h, w) of the cells.
        cell: Pixels along the side of a cell.

    Returns:
        (h, w, 3) unit vectors [ego axes].
    """
    v, u = np.indices(shape) * cell + (cell - 1) / 2
    pixels = np.stack([u, v, np.ones(shape)], axis=-1)
    ego_R_camera = frame.ego_T_lidar[:3, :3] @ frame.camera_T_lidar[view, :3, :3].T
    rays = pixels @ np.linalg.inv(frame.camera_K[view]).T @ ego_R_camera.T
    result: Float64 = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
    return result


def road_range(frame: FrameLike, view: int, directions: Float64) -> Float32:
    """Compute the distance to the plane ego z = 0.

    Args:
        frame: Frame with the camera.
        view: Number of the camera.
        directions: (h, w, 3) unit vectors [ego axes].

    Returns:
        (h, w) float32 [m]; inf at and above the horizon.
    """
    ego_T_camera = frame.ego_T_lidar @ np.linalg.inv(frame.camera_T_lidar[view])
    down = -directions[..., 2]
    height = max(float(ego_T_camera[2, 3]), 0.1)
    return np.where(down > 1e-4, height / np.maximum(down, 1e-4), np.inf).astype(np.float32)


def _measured(
    frame: FrameLike, view: int, shape: tuple[int, int], cell: int
) -> tuple[Float32, Float32]:
    """Measure every cell's keyframe points: nearest distance [m], highest elevation [rad].

    Both are (h, w). The elevation is that of the LiDAR's beam. A cell without a point has inf and
    -inf.
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
    """Find the elevation [rad] of the tenth highest return, as a few stray ones do not count.

    Other LiDARs than the main one look up more steeply, and do not count if that has returns.
    """
    own: Bool = frame.sweep_index == 0
    if frame.lidar_index is not None and (own & (frame.lidar_index == 0)).any():
        own = own & (frame.lidar_index == 0)
    points = frame.points[own]
    elevation = np.sort(np.arctan2(points[:, 2], np.hypot(points[:, 0], points[:, 1])))
    return float(elevation[max(len(elevation) - 10, 0)])


def _walls(closed: Bool, filled: Float64, at_top: Bool, sine: Float64, window: int) -> Float64:
    """Compute the range (h, w) of a vertical wall above every column's topmost closed cell.

    It stands where the highest beams hit that cell, and is inf elsewhere. `at_top` (h, w) marks
    cells whose nearest point is one of the highest beams, `sine` (h, w) is the sine of the
    elevation seen from the camera, and `window` the number of columns over which the wall is
    smoothed (median), so that poles make none.
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
