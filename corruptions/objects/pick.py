"""The points of a frame's objects, object by object in one array."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from corruptions.frame_like import Float64, FrameLike, Int64
from corruptions.objects.membership import points_in_boxes

SURFACE_M = 0.01
"""An object's points lie on its surface: the boxes are grown by this, so that rounding does not split faces."""


@dataclass(frozen=True)
class Picked:
    """K points that belong to M objects.

    rows: (K,) their rows in the frame, object by object. owner: (K,) index of the object. counts: (M,) points of each object.
    boxes: (M, 9) float64.
    """

    rows: Int64
    owner: Int64
    counts: Int64
    boxes: Float64


def pick_points(frame: FrameLike) -> Picked:
    """The points of all labelled objects."""
    members = points_in_boxes(frame.points, frame.boxes.boxes, SURFACE_M)
    counts = np.array([len(rows) for rows in members], np.int64)
    return Picked(
        rows=np.concatenate([np.zeros(0, np.int64), *members]),
        owner=np.repeat(np.arange(len(members)), counts),
        counts=counts,
        boxes=frame.boxes.boxes.astype(np.float64),
    )
