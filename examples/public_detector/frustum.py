"""Boxes in space from boxes in images: the LiDAR points in the middle of a box give the distance.

Each detection spans a frustum. A low quantile of the depth of the points in its middle is the
distance of the visible side. The largest group of points near that distance gives the heading, by
the direction of its largest spread (PCA). Sizes are typical ones of the class. The box is put
behind the visible sides, since the points lie on the sides that face the sensor.

Source of the idea: "Frustum PointNets for 3D Object Detection from RGB-D Data", Qi et al., CVPR
2018. There is no network for points here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from examples.public_detector.detector import Detections

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Kind:
    """A class of objects that the fusion answers with.

    Attributes:
        name: Name of the class in nuScenes.
        size: Length, width, height [m], typical of the class.
    """

    name: str
    size: tuple[float, float, float]


KINDS: dict[int, Kind] = {
    0: Kind("pedestrian", (0.75, 0.7, 1.75)),  # person
    1: Kind("bicycle", (1.7, 0.6, 1.3)),
    2: Kind("car", (4.6, 1.95, 1.7)),
    3: Kind("motorcycle", (2.1, 0.8, 1.5)),
    5: Kind("bus", (11.2, 2.9, 3.5)),
    7: Kind("truck", (6.9, 2.5, 2.8)),
}
"""Row of the class list of COCO to the class of nuScenes, with rounded mean sizes of nuScenes."""


@dataclass(frozen=True)
class Settings:
    """Numbers of the fusion. They were chosen on training frames (docs/start/public_model.md).

    Attributes:
        middle: Share of a box, in width and in height, whose points give the distance.
        quantile: Quantile of their depth that is the distance.
        before_m: Points this much before the distance still belong to the object [m].
        gap_m: Side of the grid cells, seen from above, in which points of an object are next to
            each other [m].
        above_ground_m: Points lower than this above the ground are left out [m].
        nearest_m: Points nearer to the camera than this are the vehicle's own [m].
        min_points: Fewest points of an object.
        apart: Two objects of a class are at least this share of the class's width apart.
    """

    middle: float = 0.5
    quantile: float = 0.4
    before_m: float = 1.0
    gap_m: float = 0.5
    above_ground_m: float = 0.4
    nearest_m: float = 1.5
    min_points: int = 3
    apart: float = 1.2


def locate_objects(
    detections: Sequence[Detections],
    points: Array,
    image_from_lidar: Array,
    classes: Sequence[str],
    settings: Settings,
) -> dict[str, Array]:
    """Find where the objects of all images of a frame are.

    Args:
        detections: Objects in each of V images.
        points: (N, 3) x, y, z [m] in the LiDAR frame.
        image_from_lidar: (V, 4, 4) takes a point to (u d, v d, d, 1).
        classes: Names of the classes to answer with. Objects of other classes are left out.
        settings: Numbers of the fusion.

    Returns:
        boxes (M, 7) x, y, z, length, width, height [m], yaw [rad], scores (M,), and labels (M,)
        as rows of `classes`. If two objects are at one place, the higher score stays.
    """
    ground = estimate_ground(points)
    high = points[:, 2] - ground > settings.above_ground_m
    points, ground = points[high].astype(np.float64), ground[high]
    boxes, scores, labels = [], [], []
    for found, matrix in zip(detections, image_from_lidar, strict=True):
        seen = points @ matrix[:3, :3].T + matrix[:3, 3]
        ahead = np.flatnonzero(seen[:, 2] > settings.nearest_m)
        seen = seen[ahead]
        pixels = seen[:, :2] / seen[:, 2:]
        for box, score, label in zip(found.boxes, found.scores, found.labels, strict=True):
            kind = KINDS[int(label)]
            if kind.name not in classes:
                continue
            rows = select_points(pixels, seen[:, 2], box, kind, settings)
            if len(rows) >= settings.min_points:
                own = ahead[rows]
                own = own[find_largest_cluster(points[own, :2], settings.gap_m)]
                boxes.append(fit_box(points[own], float(np.median(ground[own])), kind))
                scores.append(float(score))
                labels.append(classes.index(kind.name))
    return suppress_near(
        np.array(boxes).reshape(-1, 7), np.array(scores), np.array(labels, np.int64), settings.apart
    )


def estimate_ground(points: Array, cell_m: float = 4.0) -> Array:
    """Estimate the height of the ground below each point.

    It is the lowest point of its cell, or lower if the cells around it are lower by much.

    Args:
        points: (N, 3) x, y, z [m].
        cell_m: Side of a cell [m].

    Returns:
        (N,) height [m].
    """
    if not len(points):
        return np.zeros(0)
    cells = np.clip(np.floor(points[:, :2] / cell_m), -50, 49).astype(np.int64) + 50
    lowest = np.full((100, 100), np.inf)
    np.minimum.at(lowest, (cells[:, 0], cells[:, 1]), points[:, 2])
    around = ndimage.minimum_filter(lowest, 3, mode="nearest")
    return np.asarray(around[cells[:, 0], cells[:, 1]])


def select_points(pixels: Array, depth: Array, box: Array, kind: Kind, settings: Settings) -> Array:
    """Select the points of the object in a box of the image.

    Args:
        pixels: (N, 2) where the points are in the image.
        depth: (N,) their depth [m].
        box: (4,) left, top, right, bottom [px].
        kind: Class of the object.
        settings: Numbers of the fusion.

    Returns:
        Rows of the points, none if no point lies in the middle of the box.
    """
    inside = np.flatnonzero(((pixels >= box[:2]) & (pixels <= box[2:])).all(axis=1))
    center, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2
    middle = (np.abs(pixels[inside] - center) <= settings.middle * half).all(axis=1)
    if not middle.any():
        return inside[:0]
    distance = np.quantile(depth[inside[middle]], settings.quantile)
    behind = depth[inside] - distance
    near = (behind >= -settings.before_m) & (behind <= kind.size[0])
    return np.asarray(inside[near])


def find_largest_cluster(xy: Array, cell_m: float) -> Array:
    """Find the largest group of points that are connected in the ground plane.

    Args:
        xy: (N, 2) at least one point [m].
        cell_m: Side of the grid cells [m]. Points in cells that touch are one group [m].

    Returns:
        Rows of the group's points. The first of equal groups counts.
    """
    cells = np.floor((xy - xy.min(axis=0)) / cell_m).astype(np.int64)
    taken = np.zeros(cells.max(axis=0) + 1, np.bool_)
    taken[cells[:, 0], cells[:, 1]] = True
    groups, _ = ndimage.label(taken, np.ones((3, 3)))
    group = groups[cells[:, 0], cells[:, 1]]
    return np.flatnonzero(group == np.bincount(group).argmax())


def fit_box(points: Array, ground: float, kind: Kind) -> Array:
    """Fit a box of typical size to the points of an object.

    Args:
        points: (N, 3) x, y, z [m] relative to the sensor.
        ground: Height of the ground [m].
        kind: Class of the object.

    Returns:
        (7,) x, y, z, length, width, height [m], yaw [rad].
    """
    length, width, height = kind.size
    xy = points[:, :2]
    yaw = estimate_heading(xy, kind)
    axes = np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]])
    along = xy @ axes.T  # the sensor is at 0, 0
    center = [
        place_side(float(np.quantile(values, 0.02)), float(np.quantile(values, 0.98)), size)
        for values, size in zip(along.T, (length, width), strict=True)
    ]
    x, y = axes.T @ center
    return np.array([x, y, ground + height / 2, length, width, height, yaw])


def estimate_heading(xy: Array, kind: Kind) -> float:
    """Estimate the heading from the direction of the largest spread.

    If the spread is about as wide as the object, the points lie on its front or its back, and the
    heading is across.

    Args:
        xy: (N, 2) points [m].
        kind: Class of the object.

    Returns:
        Yaw in -pi/2..pi/2 [rad]; forward and backward look the same.
    """
    centered = xy - xy.mean(axis=0)
    _, vectors = np.linalg.eigh(centered.T @ centered)
    main = vectors[:, 1]
    along = centered @ main
    yaw = float(np.arctan2(main[1], main[0]))
    if np.ptp(along) < 1.2 * kind.size[1]:
        yaw += np.pi / 2
    return float((yaw + np.pi / 2) % np.pi - np.pi / 2)


def place_side(low: float, high: float, size: float) -> float:
    """Place an object along one of its axes.

    Args:
        low: Where its points begin [m]; the sensor is at 0.
        high: Where its points end [m].
        size: Typical size [m].

    Returns:
        Its centre [m]: behind the side that faces the sensor, or the middle of the points.
    """
    if high - low < size:
        if low > 0:
            return low + size / 2
        if high < 0:
            return high - size / 2
    return (low + high) / 2


def suppress_near(boxes: Array, scores: Array, labels: Array, apart: float) -> dict[str, Array]:
    """Leave out objects that are too near to one of their class with a higher score.

    Args:
        boxes: (M, 7).
        scores: (M,).
        labels: (M,).
        apart: Least distance of the centres, in widths of the object.

    Returns:
        What stays, by falling score.
    """
    kept: list[int] = []
    for row in np.argsort(-scores, kind="stable"):
        same = [other for other in kept if labels[other] == labels[row]]
        gaps = np.linalg.norm(boxes[same, :2] - boxes[row, :2], axis=1)
        if not (gaps < apart * boxes[row, 4]).any():
            kept.append(int(row))
    kept = kept[:500]
    return {
        "boxes": boxes[kept].astype(np.float32),
        "scores": scores[kept].astype(np.float32),
        "labels": labels[kept],
    }
