"""Per-frame half of Waymo's 3D detection metrics: match one frame at every score cut-off, count.

A prediction matches an object of its class if their IoU reaches the class's least one (0.7 for
vehicles, 0.5 for the others). At each of the 101 cut-offs 0, 0.01 .. 1, the predictions whose score
reaches it are assigned to the objects so that the sum of the IoUs is largest.

* Objects without LiDAR points are dropped before matching.
* An object is LEVEL_2 if it is labelled so, or if it is not labelled and has at most 5 points.
  Matching does not look at levels. A matched object of either level is a true positive at both. An
  object that is not matched is missed at its own level and at higher ones only.
* Within a range, predictions and objects are matched anew, each side by its own distance from the
  vehicle's origin in three dimensions. A prediction at 29.9 m never matches an object at 30.1 m
  there.
* A true positive's weight in APH is 1 - d/pi, with d in 0..pi the difference of the headings.

Source: metrics/matcher.cc, metrics_utils.cc, detection_metrics.cc and breakdown_generator.cc of
waymo-research/waymo-open-dataset. Deviation: weights are summed in float64, there in float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from calico.errors import CalicoError
from calico.frame import Bool, Float32, Float64, Int16, Int64
from calico_eval.metrics.waymo.assignment import Changes, Edges, match_at_levels

CUTOFFS: Float32 = np.append(np.arange(100) * 0.01, 1.0).astype(np.float32)
"""Score cut-offs; a prediction takes part at those that its score reaches."""
RANGES_M: tuple[float, ...] = (0.0, 30.0, 50.0)
"""Starts of the ranges; the last one has no end."""
FEW_POINTS = 5
"""An object with at most this many LiDAR points is LEVEL_2 if it is not labelled."""
LEVEL_1, LEVEL_2 = 1, 2
MAX_BOXES = 30_000
"""Most predictions a frame may have, so that counts fit two bytes."""
BREAKDOWNS = 1 + len(RANGES_M)
"""Breakdowns of one class: all distances, and each range."""
CELLS = BREAKDOWNS * len(CUTOFFS)
"""Breakdowns and cut-offs of one class."""


@dataclass(frozen=True)
class FoundBoxes:
    """The predictions of one frame, in the vehicle frame.

    Attributes:
        boxes: (P, 7) x, y, z of the centre, length, width, height [m], yaw [rad].
        labels: (P,) class.
        scores: (P,) in 0..1.
        ignored: (P,) whether a box overlaps a no-label zone, so that it is no false positive. None:
            no box does.
    """

    boxes: Float64
    labels: Int64
    scores: Float32
    ignored: Bool | None = None


@dataclass(frozen=True)
class TrueBoxes:
    """The objects of one frame that count, in the vehicle frame.

    Attributes:
        boxes: (G, 7) x, y, z of the centre, length, width, height [m], yaw [rad].
        labels: (G,) class.
        levels: (G,) LEVEL_1 or LEVEL_2, see `assign_difficulties`.
    """

    boxes: Float64
    labels: Int64
    levels: Int64


class PairScorer(Protocol):
    """Scores the pairs of a prediction and an object that are near each other."""

    def __call__(self, found: FoundBoxes, true: TrueBoxes) -> tuple[Edges, Float64 | None]:
        """Return the pairs that may match, and (E,) the affinity of each, or None without any."""


@dataclass(frozen=True)
class WaymoCounts:
    """What a frame adds to the metrics, as changes from the highest cut-off down.

    With C classes, breakdown c is class c, and breakdown C + 3 c + r is class c in range r. The
    count at a cut-off is the sum of the changes there and at all higher ones.

    Attributes:
        cells: (N,) breakdown * 101 + cut-off, rising.
        tp: (N,) change of the true positives.
        tp_level_1: (N,) change of those whose object is LEVEL_1.
        fp: (N,) change of the false positives.
        weights: (W, N) change of the sums of the true positives' weights: by heading, and by
            longitudinal affinity where the scorer gives one.
        n_gt: (B, 2) objects by breakdown that count at LEVEL_1, and at LEVEL_2 (all).
    """

    cells: npt.NDArray[np.int32]
    tp: Int16
    tp_level_1: Int16
    fp: Int16
    weights: Float64
    n_gt: Int64

    def __post_init__(self) -> None:
        n = len(self.cells)
        for name, axes in (("tp", 1), ("tp_level_1", 1), ("fp", 1), ("weights", 2)):
            shape = getattr(self, name).shape
            if len(shape) != axes or shape[-1] != n:
                raise CalicoError(f"WaymoCounts.{name}: got shape {shape}, expected {n} changes")
        limit = len(self.n_gt) * len(CUTOFFS)
        if self.n_gt.ndim != 2 or self.n_gt.shape[1:] != (2,) or len(self.n_gt) % BREAKDOWNS:
            raise CalicoError(
                f"WaymoCounts.n_gt: got shape {self.n_gt.shape}, expected ({BREAKDOWNS} C, 2)"
            )
        if n and (int(self.cells.min()) < 0 or int(self.cells.max()) >= limit):
            raise CalicoError(
                f"WaymoCounts.cells: got {self.cells.min()} to {self.cells.max()}, "
                f"expected 0..{limit - 1}"
            )


def assign_difficulties(num_points: Int64, labelled: Int64 | None = None) -> Int64:
    """Assign every object its level.

    Args:
        num_points: (G,) LiDAR points in the box, negative if unknown.
        labelled: (G,) level that the labels state, 0 for an object without one. None: all are.

    Returns:
        (G,) LEVEL_1 or LEVEL_2.
    """
    few = (num_points >= 0) & (num_points <= FEW_POINTS)
    by_points = np.where(few, LEVEL_2, LEVEL_1)
    result: Int64 = by_points if labelled is None else np.where(labelled > 0, labelled, by_points)
    return result


def count_matches(
    found: FoundBoxes, true: TrueBoxes, classes: int, score_pairs: PairScorer
) -> WaymoCounts:
    """Match one frame at every cut-off and count, by class and range.

    Args:
        found: Predictions.
        true: Objects that count.
        classes: Number of classes.
        score_pairs: Tells which pairs may match, e.g. `scorers.OverlapScorer`.

    Raises:
        CalicoError: There are more than `MAX_BOXES` predictions.
    """
    if len(found.labels) > MAX_BOXES:
        raise CalicoError(
            f"Waymo metrics: got {len(found.labels)} predictions in a frame, expected at most "
            f"{MAX_BOXES}"
        )
    levels = np.searchsorted(CUTOFFS, found.scores.astype(np.float32), side="right") - 1
    found_in, true_in = (_breakdowns_of(one.boxes, one.labels, classes) for one in (found, true))
    edges, affinity = score_pairs(found, true)
    apart = found.boxes[edges.rows, 6] - true.boxes[edges.columns, 6]
    weights = weigh_headings(apart)[None]
    if affinity is not None:
        weights = np.concatenate([weights, affinity[None]])
    same_range = found_in[edges.rows] == true_in[edges.columns]
    counter = _Counter(found, true, levels, np.zeros((len(weights), classes * CELLS)))
    for members, breakdown in ((np.ones_like(same_range), found.labels), (same_range, found_in)):
        part = Edges(edges.rows[members], edges.columns[members], edges.weights[members])
        counter.add(breakdown, match_at_levels(part, levels), part, weights[:, members])
    n_gt = np.zeros((classes * BREAKDOWNS, 2), np.int64)
    for breakdown in (true.labels, true_in):
        np.add.at(n_gt[:, 0], breakdown[true.levels <= LEVEL_1], 1)
        np.add.at(n_gt[:, 1], breakdown, 1)
    return counter.finish(n_gt)


def _breakdowns_of(boxes: Float64, labels: Int64, classes: int) -> Int64:
    """Find the breakdown by range of boxes (M, 7)."""
    distance = np.sqrt((boxes[:, :3] ** 2).sum(axis=1))
    index = np.searchsorted(np.array(RANGES_M), distance, side="right") - 1
    result: Int64 = classes + len(RANGES_M) * labels + index
    return result


class _Counter:
    """Adds up changes by breakdown and cut-off."""

    def __init__(self, found: FoundBoxes, true: TrueBoxes, levels: Int64, weights: Float64) -> None:
        self._true, self._levels, self._weights = true, levels, weights
        self._counts = np.zeros((3, weights.shape[1]), np.int64)
        free = np.zeros(len(levels), np.bool_) if found.ignored is None else found.ignored
        self._may_be_false = ~free

    def add(self, breakdown: Int64, changes: Changes, edges: Edges, weights: Float64) -> None:
        """Add the matches of one partition of the predictions.

        `breakdown` (P,) is that of each prediction; `weights` (W, E) are those of the edges.
        """
        cell = breakdown * len(CUTOFFS) + self._levels
        np.add.at(self._counts[2], cell[(self._levels >= 0) & self._may_be_false], 1)
        rows, columns = edges.rows[changes.edges], edges.columns[changes.edges]
        at, signs = breakdown[rows] * len(CUTOFFS) + changes.levels, changes.signs
        np.add.at(self._counts[0], at, signs)
        np.add.at(self._counts[1], at, signs * (self._true.levels[columns] <= LEVEL_1))
        np.subtract.at(self._counts[2], at, signs * self._may_be_false[rows])
        for total, weight in zip(self._weights, weights[:, changes.edges], strict=True):
            np.add.at(total, at, signs * weight)

    def finish(self, n_gt: Int64) -> WaymoCounts:
        """Keep the cells where something changes."""
        cells = np.flatnonzero(self._counts.any(axis=0) | self._weights.any(axis=0))
        tp, tp_level_1, fp = self._counts[:, cells].astype(np.int16)
        weights = self._weights[:, cells]
        return WaymoCounts(cells.astype(np.int32), tp, tp_level_1, fp, weights, n_gt)


def weigh_headings(apart: Float64) -> Float64:
    """Weigh true positives by their heading, 1 for the same one and 0 for the opposite one.

    Args:
        apart: (N,) difference of the headings [rad], of any size.
    """
    turned = np.abs(np.remainder(apart + np.pi, 2 * np.pi) - np.pi)
    result: Float64 = np.clip(1 - turned / np.pi, 0.0, 1.0)
    return result
