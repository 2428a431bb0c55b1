"""Which objects of a frame a model found: predictions against ground truth, for success rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from calico.frame import Bool, Boxes, Float32, Float64, Frame, Int64
from calico.predictions import Predictions
from calico_eval.metrics.box_rows import locate_about_ego
from calico_eval.metrics.matching import (
    are_within_range,
    list_limits,
    match_greedily,
)

SCORE = 0.2
"""Boxes of a lower score do not count as detections.

This is the one threshold of attacks, sanity checks, success rates, pictures and `frame_quality`. A
planner cannot act on every box of the metric's 500 a frame: detectors of CenterPoint's kind give
dozens of boxes with scores below 0.2 on empty road.
"""

NEAR_M = 2.0
"""A box of an object's class this close to its centre detects it [m].

The distance is that of the true-positive metrics of nuScenes. For objectives on heat maps a wider
one is weaker (4 m was tried): in a crowd the same cell is then the peak of several objects, and the
others are left alone.
"""

KAPPA = 6.0
"""Margin: an object with every logit below -6 (score 0.0025) is hidden; no more effort is spent."""

CREATE_CELLS = 20
"""Number of false boxes, or heat-map cells, that the objective "create" works on."""


@dataclass(frozen=True)
class Found:
    """Objects and predicted boxes of a frame, both filtered as the detection metric does.

    Boxes with a score below SCORE are left out.

    Attributes:
        objects: The G true objects.
        rows: (G,) rows of the objects in the frame's boxes.
        boxes: (P, 9) predicted boxes, by falling score.
        labels: (P,) classes of the predicted boxes.
        distance: (P, G) between the centres in the ground plane [m], whatever the classes.
    """

    objects: Boxes
    rows: Int64
    boxes: Float32
    labels: Int64
    distance: Float64

    def match_objects(self, within_m: float) -> Int64:
        """Match each object to a box of its class, greedily and one to one, as the metric does.

        Args:
            within_m: Largest distance of a match [m], exclusive.

        Returns:
            (G,) the box of each object, or -1.
        """
        found = np.full(len(self.objects), -1, np.int64)
        for label in np.unique(self.labels):
            mine, theirs = (
                np.flatnonzero(self.labels == label),
                np.flatnonzero(self.objects.labels == label),
            )
            if len(theirs):
                column = match_greedily(self.distance[np.ix_(mine, theirs)], (within_m,))[:, 0]
                found[theirs[column[column >= 0]]] = mine[column >= 0]
        return found


def find_objects(frame: Frame, predictions: Predictions, ranges: Mapping[str, float]) -> Found:
    """Find the objects and boxes of a frame that count.

    They are filtered as `metrics.matching.detection_stats` does (ranges, num_points, order of equal
    scores); then boxes of a low score are dropped.

    Args:
        frame: Frame with ground truth.
        predictions: Predictions of the same frame.
        ranges: Class name to range [m].
    """
    limits = list_limits(ranges, frame.taxonomy)
    truth_xy, xy = (
        locate_about_ego(frame, frame.boxes.boxes),
        locate_about_ego(frame, predictions.boxes),
    )
    rows = np.flatnonzero(
        are_within_range(truth_xy, frame.boxes.labels, limits) & (frame.boxes.num_points != 0)
    )
    kept = np.flatnonzero(
        are_within_range(xy, predictions.labels, limits) & (predictions.scores >= SCORE)
    )
    kept = kept[np.argsort(predictions.scores[kept], kind="stable")[::-1]]
    return Found(
        objects=frame.boxes.select(rows),
        rows=rows.astype(np.int64),
        boxes=predictions.boxes[kept],
        labels=predictions.labels[kept],
        distance=np.linalg.norm(xy[kept, None] - truth_xy[None, rows], axis=-1),
    )


def detect_any(frame: Frame, predictions: Predictions, score: float = SCORE) -> Bool:
    """Tell which objects of a frame have a box of their class near them.

    One box may detect several objects, and no range limits the boxes; `find_objects` matches one to
    one within the ranges of the metric.

    Args:
        frame: Frame with its ground truth.
        predictions: Answer of a model.
        score: Boxes below it do not count.

    Returns:
        (M,) objects with a box within NEAR_M of their centre on the ground.
    """
    distance = np.linalg.norm(
        predictions.boxes[:, None, :2] - frame.boxes.boxes[None, :, :2], axis=-1
    )
    same = predictions.labels[:, None] == frame.boxes.labels[None]
    counts = (predictions.scores >= score)[:, None]
    result: Bool = ((distance <= NEAR_M) & same & counts).any(axis=0)
    return result
