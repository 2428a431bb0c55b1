"""Counts of what an attack did to one frame.

Trials, and the successes among them, from predictions before and after it.

Before means under the same corruption, if any. Objects and boxes are those of `found`: boxes of a
score >= 0.2, objects with LiDAR points, both within their class's range.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from calico.frame import Bool, Float32, Float64, Frame, Int64
from calico.geometry.boxes import iou_3d
from calico.predictions import Predictions
from calico_eval.metrics.detected_objects import NEAR_M, SCORE, Found, find_objects
from calico_eval.metrics.false_target import false_target

LOST_M = 4.0
"""An object whose matched box is farther off than NEAR_M, but not this far, is detected in the
wrong place."""
PROBABILITY = 0.5
"""From here on a map cell is predicted as of its class."""

Count = tuple[int, int]
"""(successes, trials) of one frame."""
Measure = Callable[[Frame, Predictions, Predictions, Mapping[str, float]], Count]
"""(frame, predictions before the attack, predictions on the attacked frame, class name to range
[m])."""


def count_hidden(
    frame: Frame, before: Predictions, after: Predictions, ranges: Mapping[str, float]
) -> Count:
    """Count the objects detected before the attack (trials) and no longer after it (successes).

    Objects are matched by class within 2 m.

    Args:
        frame: The frame with its ground truth.
        before: Predictions before the attack.
        after: Predictions after it.
        ranges: Range of each class [m].
    """
    was, now = (
        find_objects(frame, one, ranges).match_objects(NEAR_M) >= 0 for one in (before, after)
    )
    return int((was & ~now).sum()), int(was.sum())


def count_created(
    frame: Frame, before: Predictions, after: Predictions, ranges: Mapping[str, float]
) -> Count:
    """Count whether the frame (the only trial) got a new false box, see `count_new_false_boxes`.

    Args:
        frame: The frame with its ground truth.
        before: Predictions before the attack.
        after: Predictions after it.
        ranges: Range of each class [m].
    """
    return int(count_new_false_boxes(frame, before, after, ranges) > 0), 1


def count_created_at_target(
    frame: Frame, before: Predictions, after: Predictions, ranges: Mapping[str, float]
) -> Count:
    """Count whether a vehicle appeared at the target, see `false_target`.

    The frame is a trial if it has a target without a vehicle (`Taxonomy.target`) within 2 m.

    Args:
        frame: The frame with its ground truth.
        before: Predictions before the attack.
        after: Predictions after it.
        ranges: Range of each class [m].
    """
    place = false_target(frame.boxes.boxes[frame.boxes.num_points > 0, :2])
    label = frame.taxonomy.target
    if place is None or label is None:
        return 0, 0
    was, now = (_is_at(place, label, one) for one in (before, after))
    return int(now and not was), int(not was)


def count_moved(
    frame: Frame, before: Predictions, after: Predictions, ranges: Mapping[str, float]
) -> Count:
    """Count the objects detected before the attack (trials) and in the wrong place after it.

    A success is an object that is still matched by class within 4 m, but is more than 2 m off or
    has a 3D IoU that fell below its class's `min_overlap`. Objects that are no longer matched are
    hidden.

    Args:
        frame: The frame with its ground truth.
        before: Predictions before the attack.
        after: Predictions after it.
        ranges: Range of each class [m].
    """
    was, now = find_objects(frame, before, ranges), find_objects(frame, after, ranges)
    old, new = was.match_objects(NEAR_M), now.match_objects(LOST_M)
    both = np.flatnonzero((old >= 0) & (new >= 0))
    far = now.distance[new[both], both] > NEAR_M
    least = np.array([one.min_overlap for one in frame.taxonomy.classes])[was.objects.labels[both]]
    worse = (_overlap(was, old, both) >= least) & (_overlap(now, new, both) < least)
    return int((far | worse).sum()), int((old >= 0).sum())


def count_flipped(
    frame: Frame, before: Predictions, after: Predictions, ranges: Mapping[str, float]
) -> Count:
    """Count the objects with the right class before the attack (trials) and another after it.

    The class is that of the box of the highest score within 2 m, of the boxes that are not matched
    to another object by class. An object without a box within 2 m is hidden, not flipped.

    Args:
        frame: The frame with its ground truth.
        before: Predictions before the attack.
        after: Predictions after it.
        ranges: Range of each class [m].
    """
    old, new = find_objects(frame, before, ranges), find_objects(frame, after, ranges)
    was, now, own = _best_classes(old), _best_classes(new), old.objects.labels
    tried = (was == own) & (old.match_objects(NEAR_M) >= 0)
    return int((tried & (now >= 0) & (now != own)).sum()), int(tried.sum())


def count_map_erased(
    frame: Frame, before: Predictions, after: Predictions, ranges: Mapping[str, float]
) -> Count:
    """Count the known map cells of a class that were predicted so (trials) and no longer are.

    A cell is predicted from a probability of 0.5 on.

    Args:
        frame: The frame with its ground truth.
        before: Predictions before the attack.
        after: Predictions after it.
        ranges: Not used.
    """
    cells = _map_cells(frame, before, after)
    if cells is None:
        return 0, 0
    true, known, was, now = cells
    tried = true & known & was
    return int((tried & ~now).sum()), int(tried.sum())


def count_map_created(
    frame: Frame, before: Predictions, after: Predictions, ranges: Mapping[str, float]
) -> Count:
    """Count the known map cells not of a class that were not predicted so (trials) and now are.

    Args:
        frame: The frame with its ground truth.
        before: Predictions before the attack.
        after: Predictions after it.
        ranges: Not used.
    """
    cells = _map_cells(frame, before, after)
    if cells is None:
        return 0, 0
    true, known, was, now = cells
    tried = ~true & known & ~was
    return int((tried & now).sum()), int(tried.sum())


def count_new_false_boxes(
    frame: Frame, before: Predictions, after: Predictions, ranges: Mapping[str, float]
) -> int:
    """Count the boxes that the attack added away from all objects.

    They are farther than 2 m from every true object, of any class, with points or without, and from
    every box of their class before the attack.

    Args:
        frame: The frame with its ground truth.
        before: Predictions before the attack.
        after: Predictions after it.
        ranges: Range of each class [m].
    """
    was, now = find_objects(frame, before, ranges), find_objects(frame, after, ranges)
    true = _gaps(now, frame.boxes.boxes)
    old = np.where(now.labels[:, None] == was.labels[None], _gaps(now, was.boxes), np.inf)
    return int(((true > NEAR_M).all(axis=1) & (old > NEAR_M).all(axis=1)).sum())


def _is_at(place: tuple[float, float], label: int, predictions: Predictions) -> bool:
    car = (predictions.labels == label) & (predictions.scores >= SCORE)
    return bool(
        (np.linalg.norm(predictions.boxes[car, :2] - np.array(place), axis=1) <= NEAR_M).any()
    )


def _overlap(found: Found, matches: Int64, objects: Int64) -> Float64:
    """3D IoU of each of these objects with its matched box."""
    return np.array(
        [iou_3d(found.boxes[[matches[o]]], found.objects.boxes[[o]])[0, 0] for o in objects],
        np.float64,
    )


def _best_classes(found: Found) -> Int64:
    """Return the (G,) class of each object's best box, or -1 for an object without a box."""
    owner = np.full(len(found.labels), -1, np.int64)
    matches = found.match_objects(NEAR_M)
    owner[matches[matches >= 0]] = np.flatnonzero(matches >= 0)
    free = (owner[:, None] < 0) | (owner[:, None] == np.arange(len(found.objects))[None])
    near = free & (found.distance < NEAR_M)
    return np.array([found.labels[row.argmax()] if row.any() else -1 for row in near.T], np.int64)


def _gaps(found: Found, boxes: Float32) -> Float64:
    """(P, M) distances of the found boxes from others in the LiDAR frame's xy plane [m]."""
    gaps: Float64 = np.linalg.norm(
        found.boxes[:, None, :2].astype(np.float64) - boxes[None, :, :2], axis=-1
    )
    return gaps


def _map_cells(
    frame: Frame, before: Predictions, after: Predictions
) -> tuple[Bool, Bool, Bool, Bool] | None:
    """True cells, known ones, predicted before and after, all (K, Y, X).

    None where there is no map.
    """
    if frame.map_masks is None or before.map_probs is None or after.map_probs is None:
        return None
    known = np.ones(frame.map_masks.shape, np.bool_)
    if frame.map_known is not None:
        known &= frame.map_known
    return (
        frame.map_masks.astype(np.bool_),
        known,
        before.map_probs >= PROBABILITY,
        after.map_probs >= PROBABILITY,
    )
