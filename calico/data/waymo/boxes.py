"""Labels to boxes in the LiDAR frame, which has the axes of the vehicle frame."""

from __future__ import annotations

import numpy as np

from calico.data.waymo.records import OBJECT_TYPES, Labels
from calico.errors import CalicoError
from calico.frame import Boxes, Float32, Float64, Int64
from calico.geometry.boxes import points_in_boxes
from calico.geometry.frames import from_yaw, wrap_angle, yaw_of
from calico.taxonomy import Taxonomy


def convert_labels(
    labels: Labels,
    origin: Float64,
    world_T_vehicle: Float64,
    taxonomy: Taxonomy,
    points: Float32 | None = None,
    where: str = "labels",
) -> Boxes:
    """Convert the labels of the classes of a taxonomy. Signs, e.g., may belong to none.

    Args:
        labels: Of one frame.
        origin: (3,) place of the LiDAR frame's origin in the vehicle frame [m].
        world_T_vehicle: (4, 4) pose of the frame, whose heading turns velocities into its axes.
        taxonomy: Its classes, or their sources, have Waymo's names (`OBJECT_TYPES`).
        points: (N, 3) points in the vehicle frame, by which those in a box are counted where the
            labels do not say. None leaves -1 there.
        where: Names the frame in the message.

    Raises:
        CalicoError: A box is not finite or has no size, or a type is unknown.
    """
    _check_labels(labels, where)
    classes = [taxonomy.label_of(OBJECT_TYPES[int(kind)]) for kind in labels.types]
    rows = np.array([row for row, one in enumerate(classes) if one is not None], np.int64)
    local = labels.boxes[rows]
    counts = labels.num_points[rows].astype(np.int64)
    open_rows = np.flatnonzero(counts < 0)
    if points is not None and len(open_rows):
        counts[open_rows] = count_points(points, local[open_rows])
    velocity = labels.speed[rows, :2] @ from_yaw(yaw_of(world_T_vehicle))[:2, :2]
    boxes = np.concatenate([_moved(local, origin), velocity], axis=1)
    return Boxes(
        boxes=boxes.astype(np.float32),
        labels=np.array([classes[row] for row in rows], np.int64),
        attributes=np.full(len(rows), -1, np.int64),
        num_points=counts,
        instances=tuple(labels.ids[row] for row in rows),
        difficulty=labels.detection_difficulty[rows].astype(np.int64),
        camera_synced=_moved(labels.camera_synced[rows], origin).astype(np.float32),
    )


def count_points(xyz: Float32, boxes: Float64) -> Int64:
    """Count the points in each of M boxes.

    Args:
        xyz: (N, 3) points [m].
        boxes: (M, 7) boxes in the same frame.

    Returns:
        (M,) numbers.
    """
    counts = np.zeros(len(boxes), np.int64)
    for row, box in enumerate(boxes):
        reach = np.hypot(box[3], box[4]) / 2
        near = (abs(xyz[:, 0] - box[0]) <= reach) & (abs(xyz[:, 1] - box[1]) <= reach)
        counts[row] = int(points_in_boxes(xyz[near], box[None]).sum())
    return counts


def _moved(boxes: Float64, origin: Float64) -> Float64:
    """Boxes (M, 7) about another origin, with their yaw in [-pi, pi)."""
    result: Float64 = boxes.astype(np.float64)
    result[:, :3] -= origin
    result[:, 6] = wrap_angle(result[:, 6])
    return result


def _check_labels(labels: Labels, where: str) -> None:
    sound = np.isfinite(labels.boxes).all(axis=1) & (labels.boxes[:, 3:6] > 0).all(axis=1)
    bad = np.flatnonzero(~sound)
    if len(bad):
        first = int(bad[0])
        values = ", ".join(f"{value:g}" for value in labels.boxes[first])
        raise CalicoError(
            f"{where}: {len(bad)} of {len(labels.boxes)} boxes are broken, the first is that of "
            f"object {labels.ids[first]} with {values}; expected finite x, y, z, length, width, "
            "height, heading, and a size above 0"
        )
    unknown = [int(kind) for kind in labels.types if int(kind) not in OBJECT_TYPES]
    if unknown:
        raise CalicoError(
            f"{where}: got object type {unknown[0]}, expected one of "
            + ", ".join(f"{number} ({name})" for number, name in OBJECT_TYPES.items())
        )
