"""Which points belong to which object."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import Float32, Float64, Int64

ROUNDING_M = 0.01
"""Margin of the pre-filter beyond a box [m]: far more than rounding loses at 2000 m."""


def points_in_boxes(points: Float32, boxes: Float32, margin_m: float = 0.0) -> tuple[Int64, ...]:
    """Find the rows of every object's points, ascending; faces belong to the box.

    Points of older sweeps are compared with where the object was then: at its velocity (where
    known) times their age back from the box. A point that lies in several boxes belongs to the
    first of them. A point is tested exactly, in double precision, only where it lies in a square
    about the box, in single precision.

    Args:
        points: (N, 5) float32 x, y, z [m], intensity, dt [s].
        boxes: (M, 9) float32, see `BoxesLike`.
        margin_m: The boxes are grown by it on every side [m].

    Returns:
        M arrays of rows.
    """
    x, y, age_s = (np.ascontiguousarray(points[:, column]) for column in (0, 1, 4))
    free = np.ones(len(points), np.bool_)
    members = []
    for box in boxes.astype(np.float64):
        half = box[3:6] / 2 + margin_m
        radius = float(np.hypot(half[0], half[1])) + ROUNDING_M
        velocity = known_velocity(box)
        now = x + np.float32(velocity[0]) * age_s if velocity[0] else x
        near = np.flatnonzero(abs(now - np.float32(box[0])) <= radius)
        now = y[near] + np.float32(velocity[1]) * age_s[near]
        near = near[(abs(now - np.float32(box[1])) <= radius) & free[near]]
        local = to_local(points[near], np.broadcast_to(box, (len(near), 9)))
        rows = near[(abs(local) <= half).all(axis=1)]
        free[rows] = False
        members.append(rows)
    return tuple(members)


def known_velocity(boxes: Float64) -> Float64:
    """Return the velocity over ground (..., 2) [m/s] of boxes (..., 9); 0 where it is unknown."""
    velocity = boxes[..., 7:9]
    known = np.isfinite(velocity).all(axis=-1, keepdims=True)
    result: Float64 = np.where(known, velocity, 0.0)
    return result


def to_local(points: Float32, boxes: Float64) -> Float64:
    """Convert points to the frames of their boxes.

    Points are first moved to where they would be at the keyframe, by the box's velocity and their
    age.

    Args:
        points: (K, 5) float32 points [m, LiDAR frame].
        boxes: (K, 9) float64, the box of every point.

    Returns:
        (K, 3) forward, left and up from the centre of the box [m].
    """
    offset = points[:, :3].astype(np.float64) - boxes[:, :3]
    offset[:, :2] += known_velocity(boxes) * points[:, 4:5]
    c, s = np.cos(boxes[:, 6]), np.sin(boxes[:, 6])
    result: Float64 = np.stack(
        [offset[:, 0] * c + offset[:, 1] * s, offset[:, 1] * c - offset[:, 0] * s, offset[:, 2]],
        axis=1,
    )
    return result


def from_local(local: Float64, age_s: Float32, boxes: Float64) -> Float64:
    """Convert points from the frames of their boxes to the LiDAR frame; inverts `to_local`.

    Args:
        local: (K, 3) forward, left and up from the centre of the box [m].
        age_s: (K,) ages of the points [s].
        boxes: (K, 9) float64, the box of every point.

    Returns:
        (K, 3) float64 points [m, LiDAR frame].
    """
    c, s = np.cos(boxes[:, 6]), np.sin(boxes[:, 6])
    offset = np.stack(
        [local[:, 0] * c - local[:, 1] * s, local[:, 0] * s + local[:, 1] * c, local[:, 2]], axis=1
    )
    offset[:, :2] -= known_velocity(boxes) * age_s[:, None]
    result: Float64 = boxes[:, :3] + offset
    return result
