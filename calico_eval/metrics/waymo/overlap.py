"""Exact 3D intersection over union of upright boxes.

The base of a box is a rectangle that is turned by its yaw. In the axes of the second rectangle,
|x| <= a and |y| <= b, the area that two bases share is by Green's theorem

    area = - (integral over the edges of the first one of clamp(y, -b, b) d clamp(x, -a, a))

Along a straight edge this integral is that of a piecewise linear function, so that it is exact. It
has no cases for touching, equal or parallel edges, which polygon clipping gets wrong by rounding.

Source: IoU as in metrics/iou.cc of waymo-research/waymo-open-dataset, the limits of sizes included.
The formula is our own.
"""

from __future__ import annotations

import numpy as np

from calico.frame import Bool, Float64

SMALLEST_SIZE_M = 0.01
"""A box with a side of this length or less overlaps nothing."""
LARGEST_SIZE_M = 1e6
_SMALLEST_UNION_M3 = 1e-6
_X: Float64 = np.array([0.5, -0.5, -0.5, 0.5])
_Y: Float64 = np.array([0.5, 0.5, -0.5, -0.5])
"""Corners of the unit square, counter-clockwise."""


def compute_overlaps(first: Float64, second: Float64) -> Float64:
    """Compute the 3D IoU of pairs of upright boxes.

    Args:
        first: (K, 7) x, y, z of the centre, length, width, height [m], yaw [rad].
        second: (K, 7) the other box of each pair.

    Returns:
        (K,) in 0..1. It is 0 if a side of a box is at most 0.01 m or at least 1e6 m.
    """
    base = compute_shared_area(first, second)
    top = np.minimum(first[:, 2] + first[:, 5] / 2, second[:, 2] + second[:, 5] / 2)
    bottom = np.maximum(first[:, 2] - first[:, 5] / 2, second[:, 2] - second[:, 5] / 2)
    shared = base * np.maximum(top - bottom, 0.0)
    union = first[:, 3:6].prod(axis=1) + second[:, 3:6].prod(axis=1) - shared
    usable = _have_usable_sizes(first) & _have_usable_sizes(second) & (union > _SMALLEST_UNION_M3)
    result: Float64 = np.clip(
        np.divide(shared, union, out=np.zeros(len(union)), where=usable), 0.0, 1.0
    )
    return result


def compute_shared_area(first: Float64, second: Float64) -> Float64:
    """Compute the area [m^2] that the bases of pairs of boxes share, seen from above.

    Args:
        first: (K, 7) x, y, z of the centre, length, width, height [m], yaw [rad].
        second: (K, 7) the other box of each pair.

    Returns:
        (K,) areas.
    """
    turn, yaw = first[:, 6] - second[:, 6], second[:, 6]
    east, north = first[:, 0] - second[:, 0], first[:, 1] - second[:, 1]
    centre_x = np.cos(yaw) * east + np.sin(yaw) * north
    centre_y = np.cos(yaw) * north - np.sin(yaw) * east
    along, across = first[:, 3, None] * _X, first[:, 4, None] * _Y
    cos, sin = np.cos(turn)[:, None], np.sin(turn)[:, None]
    x0 = centre_x[:, None] + cos * along - sin * across
    y0 = centre_y[:, None] + sin * along + cos * across
    dx, dy = np.roll(x0, -1, axis=1) - x0, np.roll(y0, -1, axis=1) - y0
    start, end = _clip_edges(x0, dx, second[:, 3, None] / 2)
    half = second[:, 4, None] / 2
    low, high = _clip_edges(y0, dy, half)
    knots = np.stack([start, np.clip(low, start, end), np.clip(high, start, end), end])
    heights = np.clip(y0 + knots * dy, -half, half)
    mean = ((heights[1:] + heights[:-1]) / 2 * np.diff(knots, axis=0)).sum(axis=0)
    result: Float64 = np.maximum(-(dx * mean).sum(axis=1), 0.0)
    return result


def _clip_edges(start: Float64, step: Float64, limit: Float64) -> tuple[Float64, Float64]:
    """Find the part t0..t1 of 0..1 in which |start + t step| <= limit; else t0 = t1."""
    moving = step != 0
    with np.errstate(over="ignore"):
        near = np.divide(-limit - start, step, out=np.zeros_like(start), where=moving)
        far = np.divide(limit - start, step, out=np.ones_like(start), where=moving)
    return np.clip(np.minimum(near, far), 0.0, 1.0), np.clip(np.maximum(near, far), 0.0, 1.0)


def _have_usable_sizes(boxes: Float64) -> Bool:
    """Tell (K,) which boxes have sides that can overlap."""
    sizes = boxes[:, 3:6]
    result: Bool = np.all((sizes > SMALLEST_SIZE_M) & (sizes < LARGEST_SIZE_M), axis=1)
    return result
