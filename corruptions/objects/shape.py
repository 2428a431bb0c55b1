"""Objects of another shape or pose than in the training data; their boxes change in step.

An object keeps its place on the ground: the bottom of its box stays where it is. Its points stay
inside its box, and points of older sweeps follow the object as it was then. Objects without LiDAR
points stay as they are. Velocities, classes and numbers of points stay, and so do the images: a
camera sees the object as it was.
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
    """Change one dimension of every object and of its box: length, width or height.

    The dimension is drawn for each object, like the sign.

    Args:
        frame: Frame to corrupt.
        change: Change as a share of the dimension. Severities: 0.04, 0.08, 0.12, 0.16, 0.20.
        streams: Random streams of the corruption and frame.

    Source:
        3D_Corruptions_AD (Dong et al., CVPR 2023), scale. Its public code leaves the boxes as they
        were.
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
    """Turn every object and its box about the vertical axis; it still moves where it moved.

    Args:
        frame: Frame to corrupt.
        angle_deg: Angle, to the left or right at random [degrees]. Severities: 1, 3, 5, 7, 9.
        streams: Random streams of the corruption and frame.

    Source:
        3D_Corruptions_AD (Dong et al., CVPR 2023), rotation, whose public code draws within 1
        degree of the angle and leaves the boxes as they were.
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
    """Shear every object: it leans, and its left side is ahead of its right or behind.

    With up counted from the bottom, forward += a up + b left, and left += c up. The three have the
    size of the parameter exactly, each with a random sign. The box is the smallest one of the same
    heading that holds the sheared box.

    Args:
        frame: Frame to corrupt.
        shear: Shift [m per m]. Severities: 0.05, 0.10, 0.15, 0.20, 0.25.
        streams: Random streams of the corruption and frame.

    Source:
        3D_Corruptions_AD (Dong et al., CVPR 2023), shear, after ModelNet40-C (Sun et al., arXiv
        2201.12296). Deviations: theirs also shifts up by forward and left, which lifts objects off
        the ground, draws within 0.05 of the value, and squeezes the points back into the old box.
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
    """Put the objects' points at `local` (K, 3) in the new `boxes` (M, 9)."""
    points = frame.points.copy()
    points[picked.rows, :3] = from_local(local, points[picked.rows, 4], boxes[picked.owner])
    changed = picked.counts > 0
    new = frame.boxes.boxes.copy()
    new[changed, :7] = boxes[changed, :7]
    return frame.replace(
        points=points, boxes=dataclasses.replace(cast(Any, frame.boxes), boxes=new)
    )
