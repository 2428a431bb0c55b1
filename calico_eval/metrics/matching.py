"""Per-frame half of the nuScenes detection metric: filter, match, and keep what pooling needs.

Matching never crosses frames, so that a frame can be matched once and stored. Pooling
(`nuscenes.py`) then only sorts. Many frames are matched at once because numpy is slow on small
arrays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from calico.errors import CalicoError
from calico.frame import Bool, Float32, Float64, Frame, Int64
from calico.predictions import Predictions
from calico.taxonomy import ERRORS, NUSCENES, Taxonomy
from calico_eval.metrics.box_rows import BoxRows, join_frames
from calico_eval.metrics.greedy import match_pairs, pair_within_groups

DISTANCES_M: tuple[float, ...] = (0.5, 1.0, 2.0, 4.0)
"""Matching thresholds on the distance of the centres in the ground plane."""
TP_DISTANCE_M = 2.0
"""The threshold at which the errors of true positives are taken."""
TP_ERRORS = ERRORS
"""Translation [m], scale [fraction], orientation [rad], velocity [m/s], attribute [fraction]."""
_FAR_SQUARE = max(DISTANCES_M) ** 2 * (1 + 1e-9)
FRAMES_AT_ONCE = 250
"""Frames that are matched in one go, which bounds the memory."""


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
            or yaw is not finite, a size is not positive, or a class has no range.
    """
    return match_frames([frame], [predictions], ranges)[0]


def match_frames(
    frames: Sequence[Frame], predictions: Sequence[Predictions], ranges: Mapping[str, float]
) -> list[DetectionStats]:
    """Filter and match many frames at once; the result is that of `detection_stats` on each.

    Args:
        frames: Frames with ground truth and poses.
        predictions: Predictions of the same frames, in order.
        ranges: Class name to range [m].

    Raises:
        CalicoError: See `detection_stats`. The message names the first frame that is wrong.
    """
    pairs = list(zip(frames, predictions, strict=True))
    result: list[DetectionStats] = []
    for _, same in groupby(pairs, lambda pair: pair[0].taxonomy):
        members = list(same)
        for start in range(0, len(members), FRAMES_AT_ONCE):
            result += _match_some(members[start : start + FRAMES_AT_ONCE], ranges)
    return result


def _match_some(
    pairs: Sequence[tuple[Frame, Predictions]], ranges: Mapping[str, float]
) -> list[DetectionStats]:
    """Match frames of one taxonomy."""
    taxonomy = pairs[0][0].taxonomy
    classes = len(taxonomy.classes)
    limits = list_limits(ranges, taxonomy)
    true, found = join_frames(pairs)
    scores = np.concatenate([predictions.scores for _, predictions in pairs])
    points = np.concatenate([frame.boxes.num_points for frame, _ in pairs])
    inside = are_within_range(true.xy, true.labels, limits) & (points != 0)
    true = true.select(np.flatnonzero(inside))
    kept = np.flatnonzero(are_within_range(found.xy, found.labels, limits))
    found, scores = found.select(kept), scores[kept]
    matches = _match_classes(true, found, scores, len(pairs) * classes, classes)
    errors = np.full((len(kept), len(TP_ERRORS)), np.nan)
    column = matches[:, DISTANCES_M.index(TP_DISTANCE_M)]
    hit = np.flatnonzero(column >= 0)
    errors[hit] = _errors(found.select(hit), true.select(column[hit]), taxonomy)
    ends = np.cumsum(np.bincount(found.frame, minlength=len(pairs)))
    n_gt = np.bincount(true.frame * classes + true.labels, minlength=len(pairs) * classes)
    tp, scores = matches >= 0, scores.astype(np.float32)
    result, start = [], 0
    for end, own in zip(ends.tolist(), n_gt.reshape(-1, classes), strict=True):
        part = slice(start, end)
        values = (found.labels[part], scores[part], tp[part], errors[part], own)
        result.append(DetectionStats(*values, taxonomy))
        start = end
    return result


def _match_classes(
    true: BoxRows, found: BoxRows, scores: Float32, groups: int, classes: int
) -> Int64:
    """Match each prediction at each of DISTANCES_M to an object of its frame and class: (P, 4)."""
    falling = np.argsort(scores, kind="stable")[::-1]
    group = found.frame * classes + found.labels
    rows, columns = pair_within_groups(group[falling], true.frame * classes + true.labels, groups)
    apart = found.xy[falling[rows]] - true.xy[columns]
    square = apart[:, 0] * apart[:, 0] + apart[:, 1] * apart[:, 1]
    near = np.flatnonzero(square < _FAR_SQUARE)
    result = np.empty((len(scores), len(DISTANCES_M)), np.int64)
    result[falling] = match_pairs(
        rows[near],
        columns[near],
        np.sqrt(square[near]),
        (len(scores), len(true.labels)),
        DISTANCES_M,
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
        thresholds: T distances. A match at a threshold is nearer than it. All objects are free at
            first at each threshold.

    Returns:
        (P, T) the object matched at each threshold, or -1. The earlier of equally near objects goes
        first.
    """
    rows, columns = np.nonzero(distance < max(thresholds))
    count, objects = distance.shape
    return match_pairs(rows, columns, distance[rows, columns], (count, objects), thresholds)


def _errors(mine: BoxRows, theirs: BoxRows, taxonomy: Taxonomy) -> Float64:
    """Compute TP_ERRORS (N, 5) of N predictions and the objects that they match.

    They are NaN if the true velocity or attribute is unknown.
    """
    result = np.empty((len(mine.labels), len(TP_ERRORS)))
    offset = mine.xy - theirs.xy
    result[:, 0] = np.hypot(offset[:, 0], offset[:, 1])
    box, true = mine.boxes.T, theirs.boxes.T
    length, width, height = np.minimum(box[3:6], true[3:6])
    shared = length * width * height
    union = box[3] * box[4] * box[5] + true[3] * true[4] * true[5] - shared
    # Rounding may leave less than 0 for equal boxes.
    result[:, 1] = np.maximum(1 - shared / union, 0.0)
    symmetric = np.array([one.symmetric for one in taxonomy.classes], np.bool_)[mine.labels]
    period = np.where(symmetric, np.pi, 2 * np.pi)
    result[:, 2] = abs((true[6] - box[6] + period / 2) % period - period / 2)
    result[:, 3] = np.hypot(box[7] - true[7], box[8] - true[8])
    unknown = theirs.attributes < 0
    result[:, 4] = np.where(unknown, np.nan, mine.attributes != theirs.attributes)
    return result
