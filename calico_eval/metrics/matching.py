"""Per-frame half of the nuScenes detection metric: filter, match, and keep what the pooled half needs.

Matching never crosses frames, so that a frame can be matched once and stored; pooling (`nuscenes.py`) then only sorts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calico.errors import CalicoError
from calico.frame import Bool, Boxes, Float32, Float64, Frame, Int64
from calico.geometry.frames import inverse
from calico.predictions import Predictions
from calico.taxonomy import DETECTION_CLASSES
from calico_eval.metrics.attributes import derive_attributes

DISTANCES_M: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
"""Matching thresholds on the distance of the centres in the ground plane."""
TP_DISTANCE_M = 2.0
"""The threshold at which the errors of true positives are taken."""
TP_ERRORS: tuple[str, ...] = ("ATE", "ASE", "AOE", "AVE", "AAE")
"""Translation [m], scale [fraction], orientation [rad], velocity [m/s], attribute [fraction]."""
MAX_BOXES = 500
"""Most predictions a frame may have."""


@dataclass(frozen=True)
class DetectionStats:
    """What a frame adds to the detection metrics. P predictions within range, in the model's order.

    labels: (P,) int64. scores: (P,) float32.
    tp: (P, 4) bool, a true positive at each of DISTANCES_M.
    errors: (P, 5) float64, TP_ERRORS of the matches at TP_DISTANCE_M; NaN where not matched or not defined.
    n_gt: (10,) int64 ground truth objects by class.
    """

    labels: Int64
    scores: Float32
    tp: Bool
    errors: Float64
    n_gt: Int64

    def __post_init__(self) -> None:
        p = len(self.labels)
        expected = {
            "scores": (p,),
            "tp": (p, len(DISTANCES_M)),
            "errors": (p, len(TP_ERRORS)),
            "n_gt": (len(DETECTION_CLASSES),),
        }
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise CalicoError(f"DetectionStats.{name}: got shape {getattr(self, name).shape}, expected {shape}")


def detection_stats(frame: Frame, predictions: Predictions, ranges: Mapping[str, float]) -> DetectionStats:
    """Filters and matches one frame as nuscenes-devkit 1.2.0 does (detection_cvpr_2019).

    Kept are boxes closer to the ego frame's origin than their class's range (strictly) and ground truth whose num_points
    is not 0. Distances are taken in the axes of the global frame, x and y only, as there. Per class and threshold,
    predictions by falling score (equal scores: the later one first) take the nearest free ground truth (equal distances:
    the earlier one) if it is closer than the threshold. Predictions without attributes get `derive_attributes`.

    Deviation: bicycles and motorcycles inside bike racks stay, since a `Frame` has no bike racks.

    Args:
        frame: gives the ground truth and the poses.
        predictions: of the same frame.
        ranges: class name to range [m], see `nuscenes.class_ranges`.

    Raises:
        CalicoError: more than 500 predictions, an unknown label, a score, centre, size or yaw that is not finite, a size
            that is not positive, or a class without a range.
    """
    limits = limits_of(ranges)
    _check(frame, predictions)
    attributes = predictions.attributes
    if attributes is None:
        attributes = derive_attributes(predictions.boxes, predictions.labels)
    gt, gt_xy = frame.boxes, xy_about_ego(frame, frame.boxes.boxes)
    keep_gt = within(gt_xy, gt.labels, limits) & (gt.num_points != 0)
    gt, gt_xy = gt.select(keep_gt), gt_xy[keep_gt]
    xy = xy_about_ego(frame, predictions.boxes)
    keep = within(xy, predictions.labels, limits)
    labels, scores, xy = predictions.labels[keep], predictions.scores[keep], xy[keep]
    boxes, attributes = predictions.boxes[keep].astype(np.float64), attributes[keep]

    matches = np.full((len(labels), len(DISTANCES_M)), -1, np.int64)
    for label in np.unique(labels):
        mine, theirs = np.flatnonzero(labels == label), np.flatnonzero(gt.labels == label)
        if len(theirs):
            mine = mine[np.argsort(scores[mine], kind="stable")[::-1]]
            found = match(np.linalg.norm(xy[mine, None] - gt_xy[None, theirs], axis=-1))
            matches[mine] = np.where(found >= 0, theirs[found], -1)
    errors = np.full((len(labels), len(TP_ERRORS)), np.nan)
    column = matches[:, DISTANCES_M.index(TP_DISTANCE_M)]
    hit = column >= 0
    errors[hit] = _errors(xy[hit], boxes[hit], attributes[hit], gt_xy[column[hit]], gt.select(column[hit]))
    return DetectionStats(
        labels=labels,
        scores=scores.astype(np.float32),
        tp=matches >= 0,
        errors=errors,
        n_gt=np.bincount(gt.labels, minlength=len(DETECTION_CLASSES)).astype(np.int64),
    )


def limits_of(ranges: Mapping[str, float]) -> Float64:
    """(10,) range of every class [m]. Raises CalicoError where one is missing."""
    missing = [name for name in DETECTION_CLASSES if name not in ranges]
    if missing:
        raise CalicoError(f"ranges: no range for {', '.join(missing)}; expected all of {', '.join(DETECTION_CLASSES)}")
    return np.array([ranges[name] for name in DETECTION_CLASSES], np.float64)


def _check(frame: Frame, predictions: Predictions) -> None:
    where = f"predictions of frame {frame.token}"
    if len(predictions.boxes) > MAX_BOXES:
        raise CalicoError(
            f"{where}: got {len(predictions.boxes)} boxes, expected at most {MAX_BOXES} (nuScenes' limit); "
            "keep those of the highest scores"
        )
    for name, boxes, labels in (
        (where, predictions.boxes, predictions.labels),
        (f"ground truth of frame {frame.token}", frame.boxes.boxes, frame.boxes.labels),
    ):
        bad = (labels < 0) | (labels >= len(DETECTION_CLASSES))
        if bad.any():
            raise CalicoError(f"{name}: got label {labels[bad][0]}, expected 0..{len(DETECTION_CLASSES) - 1}")
        sound = np.isfinite(boxes[:, :7]).all(axis=1) & (boxes[:, 3:6] > 0).all(axis=1)
        if not sound.all():
            row = int(sound.argmin())
            raise CalicoError(
                f"{name}: box {row} is {boxes[row, :7].tolist()}; expected a finite centre and yaw and positive sizes"
            )
    if not np.isfinite(predictions.scores).all():
        raise CalicoError(f"{where}: a score is not finite; expected numbers in 0..1")
    if predictions.attributes is not None and predictions.attributes.shape != predictions.labels.shape:
        raise CalicoError(
            f"{where}: attributes have shape {predictions.attributes.shape}, expected {predictions.labels.shape}"
        )


def xy_about_ego(frame: Frame, boxes: npt.NDArray[np.floating]) -> Float64:
    """(M, 2) centres relative to the ego frame's origin, in the axes of the global frame [m]."""
    ego_origin = inverse(frame.ego_T_lidar)[:3, 3]
    result: Float64 = ((boxes[:, :3].astype(np.float64) - ego_origin) @ frame.global_T_lidar[:3, :3].T)[:, :2]
    return result


def within(xy: Float64, labels: Int64, limits: Float64) -> Bool:
    """(M,) whether xy (M, 2), see `xy_about_ego`, is closer than the limit of its class."""
    result: Bool = np.sqrt((xy**2).sum(axis=1)) < limits[labels]
    return result


def match(distance: Float64, thresholds: tuple[float, ...] = DISTANCES_M) -> Int64:
    """(P, T) column matched at each threshold, or -1; the rows of distance (P, G >= 1) are in matching order."""
    found = np.full((len(distance), len(thresholds)), -1, np.int64)
    nearest = distance.min(axis=1)
    for index, threshold in enumerate(thresholds):
        free = distance.copy()
        for row in np.flatnonzero(nearest < threshold):
            column = int(free[row].argmin())
            if free[row, column] < threshold:
                found[row, index] = column
                free[:, column] = np.inf
    return found


def _errors(xy: Float64, boxes: Float64, attributes: Int64, gt_xy: Float64, gt: Boxes) -> Float64:
    """(N, 5) TP_ERRORS of N matched pairs; NaN where the velocity or the true attribute is unknown."""
    true = gt.boxes.astype(np.float64)
    translation = np.linalg.norm(xy - gt_xy, axis=1)
    shared = np.minimum(boxes[:, 3:6], true[:, 3:6]).prod(axis=1)
    union = boxes[:, 3:6].prod(axis=1) + true[:, 3:6].prod(axis=1) - shared
    period = np.where(gt.labels == DETECTION_CLASSES.index("barrier"), np.pi, 2 * np.pi)
    turn = abs((true[:, 6] - boxes[:, 6] + period / 2) % period - period / 2)
    velocity = np.linalg.norm(boxes[:, 7:9] - true[:, 7:9], axis=1)
    attribute = np.where(gt.attributes < 0, np.nan, (attributes != gt.attributes).astype(np.float64))
    scale = np.maximum(1 - shared / union, 0.0)  # of equal boxes, rounding may leave less than 0
    return np.stack([translation, scale, turn, velocity, attribute], axis=1)
