"""Which pairs of a prediction and an object may match, and how well: by IoU, and by LET-IoU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calico.frame import Bool, Float32, Float64, Int64
from calico_eval.metrics.waymo.assignment import Edges
from calico_eval.metrics.waymo.counts import FoundBoxes, TrueBoxes
from calico_eval.metrics.waymo.overlap import compute_overlaps

_MILLION = np.float32(1e6)
_EPSILON = 1e-6


@dataclass(frozen=True)
class OverlapScorer:
    """Pairs of one class whose 3D IoU reaches the least one; the weight is the IoU.

    Attributes:
        least: (C,) least IoU of each class.
    """

    least: Sequence[float]

    def __call__(self, found: FoundBoxes, true: TrueBoxes) -> tuple[Edges, None]:
        """Score the pairs of one frame."""
        near = found.labels[:, None] == true.labels
        near &= _may_touch(found.boxes, true.boxes)
        rows, columns = np.nonzero(near)
        overlap = compute_overlaps(found.boxes[rows], true.boxes[columns]).astype(np.float32)
        kept = overlap >= np.asarray(self.least, np.float32)[found.labels[rows]]
        return Edges(rows[kept], columns[kept], _quantise(overlap[kept])), None


@dataclass(frozen=True)
class LongitudinalTolerantScorer:
    """Pairs of one class that match once their difference along the line of sight is taken out.

    The line of sight starts at the sensor. With p and g the centres of prediction and object, seen
    from there, and t = max(tolerance * |g|, least tolerance),

        affinity = max(0, 1 - | p . g / |g| - |g| | / t)

    A prediction is moved along its own line of sight to the point nearest to the object's centre,
    p (p . g) / |p|^2, before the IoU is taken. The weight in the matching is IoU times affinity;
    pairs without affinity do not match. LET-3D-APL weights true positives by their affinity.

    Attributes:
        least: (C,) least IoU of each class after the move.
        sensor: x, y, z of the sensor in the vehicle frame [m].
        tolerance: Fraction of the object's distance.
        least_tolerance_m: Tolerance of near objects [m].

    Source: Hung et al., LET-3D-AP: Longitudinal Error Tolerant 3D Average Precision for Camera-Only
    3D Detection, arXiv 2206.07705, section 4; metrics/iou.cc and
    tools/compute_detection_let_metrics_main.cc of waymo-research/waymo-open-dataset. The affinity
    there, and here, is of the projection of p on g.
    """

    least: Sequence[float]
    sensor: tuple[float, float, float] = (1.43, 0.0, 2.18)
    tolerance: float = 0.1
    least_tolerance_m: float = 0.5

    def __call__(self, found: FoundBoxes, true: TrueBoxes) -> tuple[Edges, Float64]:
        """Score the pairs of one frame."""
        boxes, objects = found.boxes.copy(), true.boxes.copy()
        for one in (boxes, objects):
            one[:, :3] -= self.sensor
        product = boxes[:, :3] @ objects[:, :3].T
        distance = np.maximum(np.sqrt((objects[:, :3] ** 2).sum(axis=1)), _EPSILON)
        error = np.abs(product / distance - distance)
        allowed = np.maximum(self.tolerance * distance, self.least_tolerance_m)
        affinity = np.clip(1 - error / allowed, 0.0, 1.0).astype(np.float32)
        rows, columns = np.nonzero((found.labels[:, None] == true.labels) & (affinity > 0))
        square = np.maximum((boxes[rows, :3] ** 2).sum(axis=1), _EPSILON)
        moved = boxes[rows]
        moved[:, :3] *= (product[rows, columns] / square)[:, None]
        overlap = compute_overlaps(moved, objects[columns]).astype(np.float32)
        kept = overlap >= np.asarray(self.least, np.float32)[found.labels[rows]]
        worth = affinity[rows, columns][kept]
        edges = Edges(rows[kept], columns[kept], _quantise(overlap[kept] * worth))
        return edges, worth.astype(np.float64)


def _may_touch(first: Float64, second: Float64) -> Bool:
    """Tell (P, G) which boxes are near enough to overlap."""
    x = np.subtract.outer(first[:, 0], second[:, 0])
    y = np.subtract.outer(first[:, 1], second[:, 1])
    reach = np.add.outer(*(np.hypot(one[:, 3], one[:, 4]) / 2 for one in (first, second)))
    z = np.abs(np.subtract.outer(first[:, 2], second[:, 2]))
    result: Bool = (x * x + y * y < reach * reach) & (
        z < np.add.outer(first[:, 5] / 2, second[:, 5] / 2)
    )
    return result


def _quantise(weights: Float32) -> Int64:
    """Round weights to millionths, half away from 0, as the official tool does."""
    result: Int64 = np.floor((weights * _MILLION).astype(np.float64) + 0.5).astype(np.int64)
    return result
