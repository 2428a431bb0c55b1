"""Objects of another shape or pose than in the training data; their boxes change in step.

What holds for all three: an object keeps its place on the ground (the bottom of its box stays where it is), its points stay
inside its box, and points of older sweeps follow the object as it was then. Objects without LiDAR points stay as they are.
Velocities, classes and numbers of points stay, and so do the images: a camera sees the object as it was.
"""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import numpy as np

from corruptions.frame_like import Float64, FrameLike
from corruptions.objects.membership import from_local, to_local
from corruptions.objects.pick import Picked, pick_points
from corruptions.rng import Streams


def object_scale(frame: FrameLike, change: float, streams: Streams) -> FrameLike:
    """Every object is longer, shorter, wider, narrower, higher or lower than it was, and so is its box.

    Parameter: the change of one of the three dimensions, drawn per object like the sign, 0.04 0.08 0.12 0.16 0.20 of it.
    Source and values: 3D_Corruptions_AD (Dong et al., CVPR 2023), scale; its public code leaves the boxes as they were.
    """
    picked = pick_points(frame)
    factors = np.ones((len(picked.boxes), 3))
    for index, factor in enumerate(factors):
        rng = streams.per_frame(f"object{index}")
        factor[rng.integers(3)] += change * rng.choice((-1.0, 1.0))
    boxes = picked.boxes.copy()
    boxes[:, 3:6] *= factors
    boxes[:, 2] += (boxes[:, 5] - picked.boxes[:, 5]) / 2
    local = to_local(frame.points[picked.rows], picked.boxes[picked.owner])
    return _reshaped(frame, picked, local * factors[picked.owner], boxes)


def object_rotation(frame: FrameLike, angle_deg: float, streams: Streams) -> FrameLike:
    """Every object is turned about its vertical axis, and so is its box; it still moves where it moved.

    Parameter: the angle, 1 3 5 7 9 degrees exactly, to the left or right at random. Source and values: 3D_Corruptions_AD
    (Dong et al., CVPR 2023), rotation, whose public code draws within 1 degree of it and leaves the boxes as they were.
    """
    picked = pick_points(frame)
    signs = [
        streams.per_frame(f"object{index}").choice((-1.0, 1.0))
        for index in range(len(picked.boxes))
    ]
    boxes = picked.boxes.copy()
    boxes[:, 6] = (boxes[:, 6] + np.radians(angle_deg) * np.array(signs, np.float64) + np.pi) % (
        2 * np.pi
    ) - np.pi
    local = to_local(frame.points[picked.rows], picked.boxes[picked.owner])
    return _reshaped(frame, picked, local, boxes)


def object_shear(frame: FrameLike, shear: float, streams: Streams) -> FrameLike:
    """Every object is sheared: it leans forward or back and to a side, and its left side is ahead of its right or behind.

    Parameter: metres of shift per metre, 0.05 0.10 0.15 0.20 0.25, exactly, for all three, each with a random sign:
    forward += a up + b left, left += c up, with up counted from the bottom. The box is the smallest one of the same heading
    that holds the sheared box.

    Source and values: 3D_Corruptions_AD (Dong et al., CVPR 2023), shear, after ModelNet40-C (Sun et al., arXiv 2201.12296).
    Deviations: theirs also shifts up by forward and left, which lifts objects off the ground; draws within 0.05 of the
    value; squeezes the points back into the old box.
    """
    picked = pick_points(frame)
    signs = [
        streams.per_frame(f"object{index}").choice((-1.0, 1.0), 3)
        for index in range(len(picked.boxes))
    ]
    a, b, c = (shear * np.array(signs, np.float64).reshape(-1, 3)).T
    length, width, height = picked.boxes[:, 3:6].T
    local = to_local(frame.points[picked.rows], picked.boxes[picked.owner])
    up = local[:, 2] + height[picked.owner] / 2
    local[:, 0] += a[picked.owner] * up + b[picked.owner] * local[:, 1]
    local[:, 1] += c[picked.owner] * up
    boxes = picked.boxes.copy()
    boxes[:, 3] = length + abs(a) * height + abs(b) * width
    boxes[:, 4] = width + abs(c) * height
    centre = np.stack([a * height / 2, c * height / 2, np.zeros_like(a)], axis=1)
    boxes[:, :3] = from_local(centre, np.zeros(len(boxes), np.float32), picked.boxes)
    return _reshaped(frame, picked, local - centre[picked.owner], boxes)


def _reshaped(frame: FrameLike, picked: Picked, local: Float64, boxes: Float64) -> FrameLike:
    """The frame with its objects' points at `local` (K, 3) in the new `boxes` (M, 9)."""
    points = frame.points.copy()
    points[picked.rows, :3] = from_local(local, points[picked.rows, 4], boxes[picked.owner])
    changed = picked.counts > 0
    new = frame.boxes.boxes.copy()
    new[changed, :7] = boxes[changed, :7]
    return frame.replace(
        points=points, boxes=dataclasses.replace(cast(Any, frame.boxes), boxes=new)
    )
