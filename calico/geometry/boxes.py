"""Corners, membership, transforms and overlap of (M, 9) boxes (see `calico.frame`)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from calico.frame import Bool, Float64
from calico.geometry.frames import wrap_angle, yaw_of

CORNER_SIGNS = np.array(
    [
        [1, 1, -1],
        [1, -1, -1],
        [-1, -1, -1],
        [-1, 1, -1],
        [1, 1, 1],
        [1, -1, 1],
        [-1, -1, 1],
        [-1, 1, 1],
    ],
    np.float64,
)
"""Corner order: bottom front-left, front-right, back-right, back-left; then the same on top."""


def box_corners(boxes: npt.NDArray[np.floating]) -> Float64:
    """Compute the (M, 8, 3) corners of (M, >=7) boxes [m], in the order of `CORNER_SIGNS`."""
    boxes = np.asarray(boxes, np.float64)
    local = CORNER_SIGNS[None] * boxes[:, None, 3:6] / 2
    c, s = np.cos(boxes[:, 6])[:, None], np.sin(boxes[:, 6])[:, None]
    x = local[..., 0] * c - local[..., 1] * s
    y = local[..., 0] * s + local[..., 1] * c
    result: Float64 = np.stack([x, y, local[..., 2]], axis=-1) + boxes[:, None, :3]
    return result


def points_in_boxes(
    points: npt.NDArray[np.floating], boxes: npt.NDArray[np.floating], margin_m: float = 0.0
) -> Bool:
    """Tell for each box which points lie inside it.

    Args:
        points: (N, >=3) points [m].
        boxes: (M, >=7) boxes.
        margin_m: Growth of every box on every side [m].

    Returns:
        (M, N) mask.
    """
    delta = points[None, :, :3].astype(np.float64) - boxes[:, None, :3]
    c, s = np.cos(boxes[:, 6])[:, None], np.sin(boxes[:, 6])[:, None]
    forward = delta[..., 0] * c + delta[..., 1] * s
    left = -delta[..., 0] * s + delta[..., 1] * c
    half = boxes[:, None, 3:6] / 2 + margin_m
    result: Bool = (
        (abs(forward) <= half[..., 0])
        & (abs(left) <= half[..., 1])
        & (abs(delta[..., 2]) <= half[..., 2])
    )
    return result


def transform_boxes(a_T_b: Float64, boxes: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """Express boxes of frame B in frame A.

    The dtype stays.

    Args:
        a_T_b: (4, 4) rigid transform. Only its turn about z changes the yaw.
        boxes: (M, 9) boxes in frame B.

    Returns:
        (M, 9) boxes in frame A.
    """
    result: npt.NDArray[np.floating] = boxes.copy()
    result[:, :3] = boxes[:, :3] @ a_T_b[:3, :3].T + a_T_b[:3, 3]
    result[:, 6] = wrap_angle(boxes[:, 6] + yaw_of(a_T_b))
    velocity = np.concatenate([boxes[:, 7:9], np.zeros((len(boxes), 1))], axis=1)
    result[:, 7:9] = (velocity @ a_T_b[:3, :3].T)[:, :2]
    return result


def bev_iou(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> Float64:
    """Compute the intersection over union of footprints, exactly for any yaw.

    The corners of the intersection are the corners of each rectangle inside the other and the
    crossings of their edges. Sorted by angle they make a convex polygon, whose area is given by the
    shoelace formula.

    Args:
        a: (A, >=7) boxes.
        b: (B, >=7) boxes.

    Returns:
        (A, B) ratios.
    """
    inter = bev_intersection(a, b)
    area_a = (a[:, 3] * a[:, 4]).astype(np.float64)[:, None]
    area_b = (b[:, 3] * b[:, 4]).astype(np.float64)[None, :]
    result: Float64 = inter / np.maximum(area_a + area_b - inter, 1e-12)
    return result


def iou_3d(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> Float64:
    """Compute the intersection over union of volumes, exactly for any yaw.

    Args:
        a: (A, >=7) boxes.
        b: (B, >=7) boxes.

    Returns:
        (A, B) ratios.
    """
    top = np.minimum((a[:, 2] + a[:, 5] / 2)[:, None], (b[:, 2] + b[:, 5] / 2)[None])
    bottom = np.maximum((a[:, 2] - a[:, 5] / 2)[:, None], (b[:, 2] - b[:, 5] / 2)[None])
    inter = bev_intersection(a, b) * np.maximum(top.astype(np.float64) - bottom, 0.0)
    volume_a, volume_b = (boxes[:, 3:6].astype(np.float64).prod(axis=1) for boxes in (a, b))
    result: Float64 = inter / np.maximum(volume_a[:, None] + volume_b[None] - inter, 1e-12)
    return result


def bev_intersection(a: npt.NDArray[np.floating], b: npt.NDArray[np.floating]) -> Float64:
    """Compute the overlap of footprints.

    Args:
        a: (A, >=7) boxes.
        b: (B, >=7) boxes.

    Returns:
        (A, B) areas [m^2].
    """
    if len(a) == 0 or len(b) == 0:
        return np.zeros((len(a), len(b)))
    quads_a = np.repeat(box_corners(a)[:, None, :4, :2], len(b), axis=1)
    quads_b = np.repeat(box_corners(b)[None, :, :4, :2], len(a), axis=0)
    origin = quads_a.mean(axis=2, keepdims=True)
    quads_a, quads_b = quads_a - origin, quads_b - origin
    crossings, crossed = _edge_crossings(quads_a, quads_b)
    candidates = np.concatenate([quads_a, quads_b, crossings], axis=2)
    valid = np.concatenate([_inside(quads_a, quads_b), _inside(quads_b, quads_a), crossed], axis=2)
    return _convex_area(candidates, valid)


def _inside(points: Float64, quads: Float64) -> Bool:
    """(A, B, 4) mask: the points (A, B, 4, 2) lie in the clockwise rectangles (A, B, 4, 2)."""
    edges = np.roll(quads, -1, axis=2) - quads
    rel = points[:, :, :, None] - quads[:, :, None]
    cross = edges[:, :, None, :, 0] * rel[..., 1] - edges[:, :, None, :, 1] * rel[..., 0]
    result: Bool = np.all(cross <= 1e-9, axis=-1)
    return result


def _edge_crossings(quads_a: Float64, quads_b: Float64) -> tuple[Float64, Bool]:
    """Crossings (A, B, 16, 2) of all pairs of edges, and which of them exist."""
    start_a, start_b = quads_a[:, :, :, None], quads_b[:, :, None]
    dir_a = (np.roll(quads_a, -1, axis=2) - quads_a)[:, :, :, None]
    dir_b = (np.roll(quads_b, -1, axis=2) - quads_b)[:, :, None]
    det = dir_a[..., 0] * dir_b[..., 1] - dir_a[..., 1] * dir_b[..., 0]
    rel = start_b - start_a
    safe = np.where(abs(det) < 1e-12, 1.0, det)
    t = (rel[..., 0] * dir_b[..., 1] - rel[..., 1] * dir_b[..., 0]) / safe
    u = (rel[..., 0] * dir_a[..., 1] - rel[..., 1] * dir_a[..., 0]) / safe
    crossed = (abs(det) >= 1e-12) & (t >= 0) & (t <= 1) & (u >= 0) & (u <= 1)
    point = start_a + t[..., None] * dir_a
    flat = (*point.shape[:2], 16)
    return point.reshape(*flat, 2), crossed.reshape(flat)


def _convex_area(points: Float64, valid: Bool) -> Float64:
    """Return the (A, B) areas of convex polygons.

    Args:
        points: (A, B, P, 2) candidates for corners.
        valid: (A, B, P) which of them are corners. Fewer than three give area 0.
    """
    count = valid.sum(axis=2, keepdims=True)
    center = (points * valid[..., None]).sum(axis=2, keepdims=True) / np.maximum(count, 1)[
        ..., None
    ]
    rel = np.where(valid[..., None], points - center, 0.0)
    angle = np.where(valid, np.arctan2(rel[..., 1], rel[..., 0]), np.inf)
    order = np.argsort(angle, axis=2, kind="stable")
    rel = np.take_along_axis(rel, order[..., None], axis=2)
    first = rel[:, :, :1]
    keep = np.arange(points.shape[2]) < count
    rel = np.where(keep[..., None], rel, first)
    following = np.roll(rel, -1, axis=2)
    area = (rel[..., 0] * following[..., 1] - rel[..., 1] * following[..., 0]).sum(axis=2) / 2
    result: Float64 = np.where(count[..., 0] >= 3, np.maximum(area, 0.0), 0.0)
    return result
