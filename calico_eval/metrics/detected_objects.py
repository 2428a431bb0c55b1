"""Which objects of a frame a model found: predictions against ground truth, for success rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from calico.frame import Boxes, Float32, Float64, Frame, Int64
from calico.predictions import Predictions
from calico_eval.metrics.matching import limits_of, match, within, xy_about_ego

SCORE = 0.2
"""Boxes of a lower score do not count as found: a planner that acts on every box of the metric's 500 would never drive."""


@dataclass(frozen=True)
class Found:
    """Objects and the boxes that a model gave, both filtered as the detection metric does; boxes below SCORE left out.

    objects: the G true ones; rows: (G,) theirs in the frame's boxes. boxes (P, 9), labels (P,), by falling score.
    distance: (P, G) of the centres in the ground plane [m], whatever the classes.
    """

    objects: Boxes
    rows: Int64
    boxes: Float32
    labels: Int64
    distance: Float64

    def matches(self, within_m: float) -> Int64:
        """(G,) the box matched to each object, or -1: greedy, one to one, by class, as the detection metric does."""
        found = np.full(len(self.objects), -1, np.int64)
        for label in np.unique(self.labels):
            mine, theirs = (
                np.flatnonzero(self.labels == label),
                np.flatnonzero(self.objects.labels == label),
            )
            if len(theirs):
                column = match(self.distance[np.ix_(mine, theirs)], (within_m,))[:, 0]
                found[theirs[column[column >= 0]]] = mine[column >= 0]
        return found


def find(frame: Frame, predictions: Predictions, ranges: Mapping[str, float]) -> Found:
    """Filters as `metrics.matching.detection_stats` does (ranges, num_points, order of equal scores), then drops low scores.

    Args:
        ranges: class name to range [m].
    """
    limits = limits_of(ranges)
    truth_xy, xy = xy_about_ego(frame, frame.boxes.boxes), xy_about_ego(frame, predictions.boxes)
    rows = np.flatnonzero(
        within(truth_xy, frame.boxes.labels, limits) & (frame.boxes.num_points != 0)
    )
    kept = np.flatnonzero(within(xy, predictions.labels, limits) & (predictions.scores >= SCORE))
    kept = kept[np.argsort(predictions.scores[kept], kind="stable")[::-1]]
    return Found(
        objects=frame.boxes.select(rows),
        rows=rows.astype(np.int64),
        boxes=predictions.boxes[kept],
        labels=predictions.labels[kept],
        distance=np.linalg.norm(xy[kept, None] - truth_xy[None, rows], axis=-1),
    )
