"""Per-frame half of the nuScenes detection metric: filter, match, and keep what pooling needs.

Matching never crosses frames, so that a frame can be matched once and stored. Pooling
(`nuscenes.py`) then only sorts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calico.errors import CalicoError
from calico.frame import Bool, Float32, Float64, Frame, Int64
from calico.geometry.frames import invert_transform
from calico.predictions import Predictions
from calico.taxonomy import ERRORS, NUSCENES, Taxonomy
from calico_eval.metrics.attributes import derive_attributes

DISTANCES_M: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
"""Matching thresholds on the distance of the centres in the ground plane."""
TP_DISTANCE_M = 2.0
"""The threshold at which the errors of true positives are taken."""
TP_ERRORS = ERRORS
"""Translation [m], scale [fraction], orientation [rad], velocity [m/s], attribute [fraction]."""
_FAR_SQUARE = max(DISTANCES_M) ** 2 * (1 + 1e-9)
MAX_BOXES = 500
"""Most predictions a frame may have."""


@dataclass(frozen=True)
class DetectionStats:
    """What a frame adds to the detection metrics: P predictions within range, in the model's order.

    Attributes:
        labels: (P,) int64.
        scores: (P,) float32.
        tp: (P, 4) bool, a true positive at each of DISTANCES_M.
        errors: (P, 5) float64, TP_ERRORS of the matches at TP_DISTANCE_M; NaN if not matched or not
            defined.
        n_gt: (C,) int64 ground-truth objects by class.
        taxonomy: The C classes.
    """

    labels: Int64
    scores: Float32
    tp: Bool
    errors: Float64
    n_gt: Int64
    taxonomy: Taxonomy = NUSCENES

    def __post_init__(self) -> None:
        p = len(self.labels)
        expected = {
            "scores": (p,),
            "tp": (p, len(DISTANCES_M)),
            "errors": (p, len(TP_ERRORS)),
            "n_gt": (len(self.taxonomy.classes),),
        }
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise CalicoError(
                    f"DetectionStats.{name}: got shape {getattr(self, name).shape}, expected "
                    f"{shape}"
                )


def detection_stats(
    frame: Frame, predictions: Predictions, ranges: Mapping[str, float]
) -> DetectionStats:
    """Filter and match one frame as nuscenes-devkit 1.2.0 does (detection_cvpr_2019).

    Boxes must be closer to the ego frame's origin than their class's range (strictly), and ground
    truth must have points. Distances are taken in the axes of the global frame, x and y only. Per
    class and threshold, predictions by falling score (equal scores: the later one first) take the
    nearest free ground truth (equal distances: the earlier one) if it is closer than the threshold.
    Predictions without attributes get `derive_attributes`.

    Deviation: bicycles and motorcycles inside bike racks stay, since a `Frame` has no bike racks.

    Args:
        frame: Frame with ground truth and poses.
        predictions: Predictions of the same frame.
        ranges: Class name to range [m], see `nuscenes.class_ranges`.

    Raises:
        CalicoError: There are more than 500 predictions, a label is unknown, a score, centre, size
            or
            yaw is not finite, a size is not positive, or a class has no range.
    """
    taxonomy, gt = frame.taxonomy, frame.boxes
    limits = list_limits(ranges, taxonomy)
    attributes = predictions.attributes
    boxes, labels = (
        np.concatenate([gt.boxes, predictions.boxes]).astype(np.float64),
        predictions.labels,
    )
    _check(frame, predictions, boxes)
    if attributes is None:
        attributes = derive_attributes(predictions.boxes, labels, taxonomy)
    all_labels = np.concatenate([gt.labels, labels])
    xy = locate_about_ego(frame, boxes)
    inside = are_within_range(xy, all_labels, limits)
    inside[: len(gt)] &= gt.num_points != 0
    true, found = np.flatnonzero(inside[: len(gt)]), np.flatnonzero(inside[len(gt) :])

    labels, scores, true_labels = labels[found], predictions.scores[found], gt.labels[true]
    xy, true_xy = xy[len(gt) + found], xy[true]
    matches = _match_classes(xy, scores, labels, true_xy, true_labels)
    errors = np.full((len(labels), len(TP_ERRORS)), np.nan)
    column = matches[:, DISTANCES_M.index(TP_DISTANCE_M)]
    hit = np.flatnonzero(column >= 0)
    row, of = found[hit], true[column[hit]]
    wrong = np.where(gt.attributes[of] < 0, np.nan, attributes[row] != gt.attributes[of])
    symmetric = np.array([one.symmetric for one in taxonomy.classes], np.bool_)
    errors[hit] = _errors(
        xy[hit] - true_xy[column[hit]],
        boxes[len(gt) + row],
        boxes[of],
        symmetric[labels[hit]],
        wrong,
    )
    return DetectionStats(
        labels=labels,
        scores=scores.astype(np.float32),
        tp=matches >= 0,
        errors=errors,
        n_gt=np.bincount(true_labels, minlength=len(taxonomy.classes)),
        taxonomy=taxonomy,
    )


def _match_classes(
    xy: Float64, scores: Float32, labels: Int64, true_xy: Float64, true_labels: Int64
) -> Int64:
    """Match each prediction at each of DISTANCES_M to an object of its class, or -1: (P, 4)."""
    falling = np.argsort(scores, kind="stable")[::-1]
    x, y = (np.subtract.outer(xy[falling, axis], true_xy[:, axis]) for axis in (0, 1))
    square = x * x + y * y
    square[labels[falling, None] != true_labels] = np.inf
    rows, columns = np.nonzero(square < _FAR_SQUARE)
    result = np.empty((len(labels), len(DISTANCES_M)), np.int64)
    result[falling] = _match_pairs(
        rows, columns, np.sqrt(square[rows, columns]), len(labels), DISTANCES_M
    )
    return result


def list_limits(ranges: Mapping[str, float], taxonomy: Taxonomy) -> Float64:
    """Order ranges by label.

    Args:
        ranges: Class name to range [m].
        taxonomy: The C classes.

    Returns:
        (C,) range of every class [m].

    Raises:
        CalicoError: A class has no range.
    """
    try:
        return np.array([ranges[name] for name in taxonomy.names], np.float64)
    except KeyError:
        missing = ", ".join(name for name in taxonomy.names if name not in ranges)
        raise CalicoError(
            f"ranges: no range for {missing}; expected all of {', '.join(taxonomy.names)}"
        ) from None


def _check(frame: Frame, predictions: Predictions, boxes: Float64) -> None:
    """Check labels, boxes (G + P, 9: the frame's, then the predicted ones) and scores."""
    where = f"predictions of frame {frame.token}"
    if len(predictions.boxes) > MAX_BOXES:
        raise CalicoError(
            f"{where}: got {len(predictions.boxes)} boxes, expected at most {MAX_BOXES} (nuScenes' "
            "limit); "
            "keep those of the highest scores"
        )
    true, classes = f"ground truth of frame {frame.token}", len(frame.taxonomy.classes)
    for name, labels in ((where, predictions.labels), (true, frame.boxes.labels)):
        bad = (labels < 0) | (labels >= classes)
        if bad.any():
            raise CalicoError(f"{name}: got label {labels[bad][0]}, expected 0..{classes - 1}")
    sound = np.isfinite(boxes[:, :7]).all(axis=1) & (boxes[:, 3:6] > 0).all(axis=1)
    if not sound.all():
        first, row = len(frame.boxes), int(sound.argmin())
        name, number = (true, row) if row < first else (where, row - first)
        raise CalicoError(
            f"{name}: box {number} is {boxes[row, :7].tolist()}; expected a finite centre and yaw "
            "and positive sizes"
        )
    if not np.isfinite(predictions.scores).all():
        raise CalicoError(f"{where}: a score is not finite; expected numbers in 0..1")


def locate_about_ego(frame: Frame, boxes: npt.NDArray[np.floating]) -> Float64:
    """Locate boxes relative to the ego frame's origin, in the axes of the global frame.

    Args:
        frame: Frame with the poses.
        boxes: (M, 7 or more) boxes in the LiDAR frame.

    Returns:
        (M, 2) x and y of the centres [m].
    """
    ego_origin = invert_transform(frame.ego_T_lidar)[:3, 3]
    result: Float64 = (
        (boxes[:, :3].astype(np.float64) - ego_origin) @ frame.global_T_lidar[:3, :3].T
    )[:, :2]
    return result


def are_within_range(xy: Float64, labels: Int64, limits: Float64) -> Bool:
    """Tell which boxes are closer than the limit of their class.

    Args:
        xy: (M, 2) centres [m], see `locate_about_ego`.
        labels: (M,) classes.
        limits: (C,) range of every class [m].

    Returns:
        (M,) whether a box is within its limit.
    """
    result: Bool = np.sqrt((xy**2).sum(axis=1)) < limits[labels]
    return result


def match_greedily(distance: Float64, thresholds: tuple[float, ...] = DISTANCES_M) -> Int64:
    """Match predictions to objects one by one, each to the nearest free object that is near enough.

    Args:
        distance: (P, G) from each prediction to each object, inf if they may not match. Rows are in
            matching order.
        thresholds: T distances. A match at a threshold is nearer than it. At each threshold all
            objects are free at first.

    Returns:
        (P, T) the object matched at each threshold, or -1. If objects are equally near, it is the
        earlier one.
    """
    rows, columns = np.nonzero(distance < max(thresholds))
    return _match_pairs(rows, columns, distance[rows, columns], len(distance), thresholds)


def _match_pairs(
    rows: Int64, columns: Int64, apart: Float64, count: int, thresholds: tuple[float, ...]
) -> Int64:
    """Match `count` predictions, given the pairs (K,) of a prediction and a near object."""
    nearest_first = np.lexsort((apart, rows))
    pairs = list(zip(*(a[nearest_first].tolist() for a in (rows, columns, apart)), strict=True))
    found = np.full((count, len(thresholds)), -1, np.int64)
    for index, threshold in enumerate(thresholds):
        matched = {}
        taken = set()
        for row, column, distance in pairs:
            if distance < threshold and row not in matched and column not in taken:
                matched[row] = column
                taken.add(column)
        found[list(matched), index] = list(matched.values())
    return found


def _errors(
    offset: Float64, boxes: Float64, true: Float64, symmetric: Bool, wrong_attribute: Float64
) -> Float64:
    """Compute TP_ERRORS of N matched pairs.

    Args:
        offset: (N, 2) between their centres.
        boxes: (N, 9) predicted boxes.
        true: (N, 9) true boxes.
        symmetric: (N,) whether front and back of the object are alike.
        wrong_attribute: (N,) 0 or 1, or NaN if the true one is unknown.

    Returns:
        (N, 5) errors, NaN if the true velocity or attribute is unknown.
    """
    result = np.empty((len(boxes), len(TP_ERRORS)))
    result[:, 0] = np.hypot(offset[:, 0], offset[:, 1])
    mine, theirs = boxes.T, true.T
    length, width, height = np.minimum(mine[3:6], theirs[3:6])
    shared = length * width * height
    union = mine[3] * mine[4] * mine[5] + theirs[3] * theirs[4] * theirs[5] - shared
    result[:, 1] = np.maximum(
        1 - shared / union, 0.0
    )  # of equal boxes, rounding may leave less than 0
    period = np.where(symmetric, np.pi, 2 * np.pi)
    result[:, 2] = abs((true[:, 6] - boxes[:, 6] + period / 2) % period - period / 2)
    apart = boxes[:, 7:9] - true[:, 7:9]
    result[:, 3] = np.hypot(apart[:, 0], apart[:, 1])
    result[:, 4] = wrong_attribute
    return result
