"""The points of a frame's labelled objects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from corruptions.frame_like import Float64, FrameLike, Int64
from corruptions.objects.membership import points_in_boxes

SURFACE_M = 0.01
"""Margin by which boxes are grown [m].

An object's points lie on its surface, and rounding must not split faces.
"""


@dataclass(frozen=True)
class Picked:
    """K points that belong to M objects.

    Attributes:
        rows: (K,) their rows in the frame, object by object.
        owner: (K,) index of the object.
        counts: (M,) points of each object.
        boxes: (M, 9) float64.
    """

    rows: Int64
    owner: Int64
    counts: Int64
    boxes: Float64


def pick_points(frame: FrameLike) -> Picked:
    """Find the points of all labelled objects."""
    members = points_in_boxes(frame.points, frame.boxes.boxes, SURFACE_M)
    counts = np.array([len(rows) for rows in members], np.int64)
    return Picked(
        rows=np.concatenate([np.zeros(0, np.int64), *members]),
        owner=np.repeat(np.arange(len(members)), counts),
        counts=counts,
        boxes=frame.boxes.boxes.astype(np.float64),
    )
