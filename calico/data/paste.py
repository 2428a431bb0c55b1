"""Ground-truth paste: labelled objects of other frames are put into a frame, with their points.

An object keeps its place and heading relative to the sensor, so that its points have the density
that the sensor gives at that distance. It keeps its height above the ground, too. The frame's own
points inside the box go away. Only the point cloud changes: the images do not show what is pasted,
so this is for models without cameras.

Deviations from what a sensor would see: points behind a pasted object stay, and objects are taken
with the points of all sweeps that lie in their box.

Source:
    SECOND (Yan et al., Sensors 2018), section 3.2. The test of collisions is by footprint there,
    too. The height above the ground is kept as in the code of OpenPCDet for road planes, with a
    local estimate of the ground instead of a plane.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calico.config.training import PasteConfig
from calico.frame import Bool, Boxes, Float32, Float64, Frame, Int16, Int64
from calico.geometry.boxes import bev_intersection, points_in_boxes
from calico.taxonomy import Taxonomy

GROUND_RADIUS_M = 3.0
"""How far around a box the ground is looked for, beyond its own half diagonal."""
GROUND_SHARE = 0.1
"""The ground is the height that this share of the points around lies below."""
GROUND_POINTS = 8
"""Fewer points than these around a box tell nothing."""
CLEAR_M = 0.1
"""Points this close to a pasted box go away, too [m]."""


@dataclass(frozen=True)
class PasteObjects:
    """Objects with their points, cut out of frames.

    Attributes:
        boxes: (M, 9) as in `Boxes`.
        labels: (M,) classes.
        attributes: (M,) attributes, -1 for none.
        above_ground: (M,) height of the box's bottom over the ground [m]; NaN where unknown.
        start: (M + 1,) where the points of each object begin.
        points: (P, 5) as in `Frame`.
        ring: (P,) beams.
        sweep_index: (P,) sweeps.
        lidar_index: (P,) LiDARs, 0 in frames of a single one.
    """

    boxes: Float32
    labels: Int64
    attributes: Int64
    above_ground: Float64
    start: Int64
    points: Float32
    ring: Int16
    sweep_index: Int16
    lidar_index: Int16

    def __len__(self) -> int:
        return len(self.boxes)

    def rows(self, number: int) -> slice:
        """Return the points of an object."""
        return slice(int(self.start[number]), int(self.start[number + 1]))


def paste_objects(
    frame: Frame, objects: PasteObjects, config: PasteConfig, rng: np.random.Generator
) -> Frame:
    """Fill a frame up with objects of other frames.

    Args:
        frame: A frame as loaded. It is not changed.
        objects: What may be pasted.
        config: How many objects of each class a frame shall have.
        rng: The stream of this frame and epoch.

    Returns:
        A frame in which no pasted box overlaps another one seen from above.
    """
    chosen = _draw(frame, objects, config, rng)
    boxes = objects.boxes[chosen].astype(np.float32)
    for row, number in enumerate(chosen):
        boxes[row, 2] += _raise_by(frame, boxes[row], float(objects.above_ground[number]))
    taken: list[int] = []
    for row in range(len(chosen)):
        others = np.concatenate([frame.boxes.boxes, boxes[taken]])
        if not (bev_intersection(boxes[row : row + 1], others) > 0).any():
            taken.append(row)
    if not taken:
        return frame
    return _insert(frame, objects, [chosen[row] for row in taken], boxes[taken])


def counts_by_label(config: PasteConfig, taxonomy: Taxonomy) -> list[int]:
    """List how many objects of each class a frame shall have.

    Args:
        config: The numbers.
        taxonomy: The classes.
    """
    return [config.counts.get(name, config.objects) for name in taxonomy.names]


def height_of_ground(points: Float32, box: Float32, inside: Bool | None = None) -> float:
    """Estimate the height of the ground around a box [m]; NaN if too few points are there.

    Args:
        points: (N, >=3) points of the frame.
        box: (9,) the box.
        inside: (N,) points that are no ground, for example those of objects.
    """
    reach = float(np.hypot(box[3], box[4])) / 2 + GROUND_RADIUS_M
    near = ((points[:, :2] - box[:2]) ** 2).sum(axis=1) < reach**2
    near &= ~points_in_boxes(points, box[None], 0.2)[0]
    if inside is not None:
        near &= ~inside
    if int(near.sum()) < GROUND_POINTS:
        return float("nan")
    return float(np.quantile(points[near, 2].astype(np.float64), GROUND_SHARE))


def _draw(
    frame: Frame, objects: PasteObjects, config: PasteConfig, rng: np.random.Generator
) -> list[int]:
    """Draw as many objects of each class as the frame lacks."""
    chosen: list[int] = []
    for label, count in enumerate(counts_by_label(config, frame.taxonomy)):
        lacking = count - int((frame.boxes.labels == label).sum())
        candidates = np.flatnonzero(objects.labels == label)
        if lacking > 0 and len(candidates):
            number = min(lacking, len(candidates))
            chosen += rng.choice(candidates, number, replace=False).tolist()
    return chosen


def _raise_by(frame: Frame, box: Float32, above_ground: float) -> float:
    """Return how far a box must rise to keep its height over the ground; 0 if that is unknown."""
    ground = height_of_ground(frame.points, box)
    rise = ground + above_ground - float(box[2] - box[5] / 2)
    return rise if np.isfinite(rise) else 0.0


def _insert(frame: Frame, objects: PasteObjects, chosen: list[int], boxes: Float32) -> Frame:
    """Put objects into a frame, at the places of boxes (K, 9)."""
    inside: Bool = np.asarray(points_in_boxes(frame.points, boxes, CLEAR_M).any(axis=0))
    left = frame.take_points(~inside)
    rows, lift = [], []
    for number, box in zip(chosen, boxes, strict=True):
        there = _fitting_rows(frame, objects, number)
        rows.append(there)
        lift.append(np.full(len(there), box[2] - objects.boxes[number, 2], np.float32))
    added, counts = np.concatenate(rows), [len(there) for there in rows]
    points = objects.points[added]
    points[:, 2] += np.concatenate(lift)
    new = {
        "points": points,
        "ring": objects.ring[added],
        "sweep_index": objects.sweep_index[added],
        "elongation": np.zeros(len(added), np.float32),
        "lidar_index": objects.lidar_index[added],
        "unlabelled": np.zeros(len(added), np.bool_),
    }
    old = {name: getattr(left, name) for name in new}
    joined = {
        name: np.concatenate([old[name], value])
        for name, value in new.items()
        if old[name] is not None
    }
    own = frame.boxes
    pasted = np.array(chosen, np.int64)
    names = (*own.instances, *(f"pasted-{number}" for number in chosen))
    return left.replace(
        **joined,
        boxes=Boxes(
            np.concatenate([own.boxes, boxes]),
            np.concatenate([own.labels, objects.labels[pasted]]),
            np.concatenate([own.attributes, objects.attributes[pasted]]),
            np.concatenate([own.num_points, np.array(counts, np.int64)]),
            names if own.instances or not len(own) else (),
        ),
    )


def _fitting_rows(frame: Frame, objects: PasteObjects, number: int) -> Int64:
    """List the points of an object whose sweep and LiDAR the frame has.

    A frame at the start of a scene has fewer sweeps than the object's frame may have had.
    """
    rows = objects.rows(number)
    there: Bool = objects.sweep_index[rows] < len(frame.sweep_T)
    if frame.lidar_T is not None:
        there &= objects.lidar_index[rows] < len(frame.lidar_T)
    found: Int64 = np.flatnonzero(there) + rows.start
    return found
