"""Which pixels of a view show a flat rectangle in space, and which place of it.

Perspective projection and occlusion.

A place (s, t) of the rectangle, 0..1 to the right and down, is the point C + s R + t D, so that
pixel and place are related by one 3 x 3 homography per view: (u d, v d, d) = A (s, t, 1). Its
inverse gives (s, t, 1) / d from (u, v, 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calico.frame import Bool, Float64, Frame, Int64
from calico.geometry.boxes import box_corners as box_corners
from calico.geometry.boxes import points_in_boxes
from calico.geometry.camera import project_points
from calico.geometry.frames import invert_transform

NEAR_M = 0.5
"""Nearer parts of a rectangle are not drawn."""
NEARER_M, ABOVE_M = 0.5, 0.2
"""A LiDAR return hides a rectangle in a square of 2 RETURN_M about it.

The rectangle must be further behind the return than NEARER_M, and its plane further off than
ABOVE_M: ground that is not quite flat hides no board that lies on it.
"""
RETURN_M = 0.1
SUBPIXELS = ((-0.25, -0.25), (0.25, -0.25), (-0.25, 0.25), (0.25, 0.25))
"""Each pixel is the mean over these places in it [px], so that a fine texture does not alias."""


@dataclass(frozen=True)
class Seen:
    """Pixels of one view that show a rectangle.

    Attributes:
        rows, columns: (P,) their places.
        to_place: (3, 3) matrix from (u, v, 1) to (s, t, 1) / d.
    """

    rows: Int64
    columns: Int64
    to_place: Float64

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def places(self) -> Float64:
        """(P, S, 2) s, t of every subpixel, kept inside the rectangle."""
        spots = np.stack([self.columns, self.rows], axis=1)[:, None, :] + np.array(SUBPIXELS)[None]
        scaled = np.concatenate([spots, np.ones((*spots.shape[:2], 1))], axis=2) @ self.to_place.T
        result: Float64 = np.clip(scaled[..., :2] / np.maximum(scaled[..., 2:], 1e-9), 0.0, 1.0)
        return result


def find_visible_pixels(
    frame: Frame, view: int, corners: Float64, *, hidden: bool = True, own: int | None = None
) -> Seen:
    """Find the pixels whose centre shows the front of a rectangle.

    Args:
        frame: The frame.
        view: Index of the camera.
        corners: (4, 3) top left, top right, bottom right, bottom left in the LiDAR frame [m].
        hidden: Leave out what is behind a ground-truth box or a nearer LiDAR return of the
            keyframe's sweep. Between returns the world is unknown, and the patch counts as visible.
        own: Index of the box that carries the rectangle, which does not hide it.
    """
    to_place = _to_place(frame, view, corners)
    if to_place is None:
        return Seen(np.zeros(0, np.int64), np.zeros(0, np.int64), np.eye(3))
    u, v = _around(frame, view, corners)
    s, t, nearness = (row[0] * u + row[1] * v + row[2] for row in to_place)
    ahead = nearness > 0
    depth = np.where(ahead, 1.0 / np.where(ahead, nearness, 1.0), 0.0)
    keep = (depth > NEAR_M) & (s >= 0) & (t >= 0) & (s <= nearness) & (t <= nearness)
    rows, columns, depth = v[keep], u[keep], depth[keep]
    if hidden and len(rows):
        free = ~_behind_boxes(frame, view, columns, rows, depth, own)
        free &= ~_behind_returns(frame, view, corners, to_place, own)[rows, columns]
        rows, columns = rows[free], columns[free]
    return Seen(rows, columns, to_place)


def box_pixels(frame: Frame, view: int, box: Float64) -> int:
    """Count the pixels of a view whose ray meets a box: the size of its projection.

    Args:
        frame: The frame.
        view: Index of the camera.
        box: (9,) box in the LiDAR frame.
    """
    u, v = _around(frame, view, box_corners(box[None])[0])
    return int(np.isfinite(_entry(frame, view, u, v, box)).sum())


def _around(frame: Frame, view: int, corners: Float64) -> tuple[Int64, Int64]:
    """List u, v of the pixels about the projection of corners (K, 3).

    They fill the upright rectangle about the projected convex hull, less what is nearer than
    NEAR_M.
    """
    size = np.array(frame.images[view].shape[1::-1])
    matrix = frame.image_from_lidar[view]
    spans = corners @ matrix[:3, :3].T + matrix[:3, 3]
    ahead, behind = spans[spans[:, 2] >= NEAR_M], spans[spans[:, 2] < NEAR_M]
    if not len(ahead):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    part = (NEAR_M - ahead[:, None, 2:]) / (behind[None, :, 2:] - ahead[:, None, 2:])
    cut = (ahead[:, None] + part * (behind[None] - ahead[:, None])).reshape(-1, 3)
    pixels = np.concatenate([ahead, cut])
    pixels = pixels[:, :2] / pixels[:, 2:]
    low = np.floor(pixels.min(axis=0)).clip(0, size).astype(np.int64)
    high = np.ceil(pixels.max(axis=0) + 1).clip(low, size).astype(np.int64)
    v, u = np.mgrid[low[1] : high[1], low[0] : high[0]].reshape(2, -1)
    return u, v


def _to_place(frame: Frame, view: int, corners: Float64) -> Float64 | None:
    """(3, 3) from (u, v, 1) to (s, t, 1) / d.

    None where the camera does not look at the rectangle's front.
    """
    right, down = corners[1] - corners[0], corners[3] - corners[0]
    centre = invert_transform(frame.camera_T_lidar[view])[:3, 3]
    if (centre - corners[0]) @ np.cross(down, right) <= 1e-9:
        return None
    matrix = frame.image_from_lidar[view]
    to_pixel = matrix[:3, :3] @ np.stack([right, down, corners[0]], axis=1)
    to_pixel[:, 2] += matrix[:3, 3]
    return np.linalg.inv(to_pixel)


def _behind_boxes(
    frame: Frame, view: int, u: Int64, v: Int64, depth: Float64, own: int | None
) -> Bool:
    """(P,) pixels at which a box is nearer than `depth`."""
    behind = np.zeros(len(u), np.bool_)
    for index, box in enumerate(frame.boxes.boxes.astype(np.float64)):
        if index != own:
            behind |= _entry(frame, view, u, v, box) < depth
    return behind


def _entry(frame: Frame, view: int, u: Int64, v: Int64, box: Float64) -> Float64:
    """(P,) depth at which the ray of each pixel enters the box [m].

    Infinite where it misses it or starts in it.
    """
    lidar_T_camera = invert_transform(frame.camera_T_lidar[view])
    rays = (
        np.stack([u, v, np.ones_like(u)], axis=1)
        @ np.linalg.inv(frame.camera_K[view]).T
        @ lidar_T_camera[:3, :3].T
    )
    c, s = np.cos(box[6]), np.sin(box[6])
    turn = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
    start, steps = turn @ (lidar_T_camera[:3, 3] - box[:3]), rays @ turn.T
    enter, leave = np.full(len(u), -np.inf), np.full(len(u), np.inf)
    for half, begin, step in zip(box[3:6] / 2, start, steps.T, strict=True):
        slow = np.where(abs(step) < 1e-12, 1e-12, step)
        one, other = (-half - begin) / slow, (half - begin) / slow
        enter, leave = (
            np.maximum(enter, np.minimum(one, other)),
            np.minimum(leave, np.maximum(one, other)),
        )
    result: Float64 = np.where((enter < leave) & (enter > 0), enter, np.inf)
    return result


def _behind_returns(
    frame: Frame, view: int, corners: Float64, to_place: Float64, own: int | None
) -> Bool:
    """(H, W) pixels near a LiDAR return that is in front of the rectangle's plane, see NEARER_M."""
    height, width = frame.images[view].shape[:2]
    points = frame.points[frame.sweep_index == 0]
    if own is not None:
        mine = points_in_boxes(points, frame.boxes.boxes[own : own + 1], margin_m=0.3)[0]
        points = points[~mine]
    normal = np.cross(corners[3] - corners[0], corners[1] - corners[0])
    off = (points[:, :3] - corners[0]) @ normal / np.linalg.norm(normal)
    points = points[off > ABOVE_M]
    pixels, depth, inside = project_points(frame.image_from_lidar[view], points, (height, width))
    pixels, depth = pixels[inside], depth[inside]
    inverse_depth = np.concatenate([pixels, np.ones((len(pixels), 1))], axis=1) @ to_place[2]
    nearer = (inverse_depth > 0) & (
        depth + NEARER_M < 1.0 / np.where(inverse_depth > 0, inverse_depth, 1.0)
    )
    behind = np.zeros((height, width), np.bool_)
    reach = frame.camera_K[view][0, 0] * RETURN_M / depth[nearer]
    low = np.ceil(pixels[nearer] - reach[:, None]).clip(0).astype(np.int64)
    high = np.floor(pixels[nearer] + reach[:, None]).astype(np.int64) + 1
    for (left, top), (right, bottom) in zip(low, high, strict=True):
        behind[top:bottom, left:right] = True
    return behind
