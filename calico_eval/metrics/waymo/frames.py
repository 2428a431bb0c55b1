"""Waymo's counts of a frame and its predictions.

Deviations from the official tools: `Predictions` do not say whether they lie in a zone without
labels, so that none is ignored. LET-3D-AP drops objects without any LiDAR point, there without a
point of the LiDAR on the roof, since a `Frame` knows the sum alone. Both are as there in `objects`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from calico.frame import Bool, Float64, Frame
from calico.geometry.frames import yaw_of
from calico.predictions import Predictions
from calico.taxonomy import Taxonomy
from calico_eval.metrics.waymo.counts import (
    FoundBoxes,
    TrueBoxes,
    WaymoCounts,
    assign_difficulties,
    count_matches,
)
from calico_eval.metrics.waymo.scorers import LongitudinalTolerantScorer, OverlapScorer

TOLERATED_OVERLAP = 0.2
"""How much less IoU LET-3D-AP asks for: 0.5 instead of 0.7, and 0.3 instead of 0.5."""
_LEAST_OVERLAP = 0.1


def count_frame(frame: Frame, predictions: Predictions) -> WaymoCounts:
    """Match a frame as Waymo's 3D detection metrics do; there is no largest distance.

    Args:
        frame: Frame with ground truth. Objects with 0 points are dropped.
        predictions: Predictions of the same frame.
    """
    counted = frame.boxes.num_points != 0
    scorer = OverlapScorer([one.min_overlap for one in frame.taxonomy.classes])
    true = _true_boxes(frame, frame.boxes.boxes, counted)
    return count_matches(
        _found_boxes(frame, predictions), true, len(frame.taxonomy.classes), scorer
    )


def count_frame_tolerantly(frame: Frame, predictions: Predictions) -> WaymoCounts | None:
    """Match a frame as LET-3D-AP does, with objects where the cameras saw them.

    Args:
        frame: Frame with ground truth.
        predictions: Predictions of the same frame.

    Returns:
        None if the frame has objects and does not know where the cameras saw them.
    """
    boxes = frame.boxes.camera_synced
    if boxes is None:
        if len(frame.boxes):
            return None
        boxes = np.zeros((0, 7), np.float32)
    counted = (frame.boxes.num_points != 0) & np.isfinite(boxes).all(axis=1)
    scorer = LongitudinalTolerantScorer(list_tolerant_overlaps(frame.taxonomy))
    true = _true_boxes(frame, boxes, counted)
    return count_matches(
        _found_boxes(frame, predictions), true, len(frame.taxonomy.classes), scorer
    )


def list_tolerant_overlaps(taxonomy: Taxonomy) -> tuple[float, ...]:
    """List the least IoU of every class in LET-3D-AP.

    Args:
        taxonomy: The classes.
    """
    return tuple(
        max(round(one.min_overlap - TOLERATED_OVERLAP, 6), _LEAST_OVERLAP)
        for one in taxonomy.classes
    )


def _found_boxes(frame: Frame, predictions: Predictions) -> FoundBoxes:
    return FoundBoxes(_to_vehicle(frame, predictions.boxes), predictions.labels, predictions.scores)


def _true_boxes(frame: Frame, boxes: npt.NDArray[np.floating], counted: Bool) -> TrueBoxes:
    truth = frame.boxes.select(counted)
    return TrueBoxes(
        _to_vehicle(frame, boxes[counted]),
        truth.labels,
        assign_difficulties(truth.num_points, truth.difficulty),
    )


def _to_vehicle(frame: Frame, boxes: npt.NDArray[np.floating]) -> Float64:
    """Express boxes (M, 7 or more) of the LiDAR frame in the vehicle frame, (M, 7)."""
    result = boxes[:, :7].astype(np.float64)
    result[:, :3] = result[:, :3] @ frame.ego_T_lidar[:3, :3].T + frame.ego_T_lidar[:3, 3]
    result[:, 6] += yaw_of(frame.ego_T_lidar)
    return result
