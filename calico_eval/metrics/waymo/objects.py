"""Waymo's metrics of the files that the official tool and the leaderboard read.

The figures are those of `compute_detection_metrics_main` and `compute_detection_let_metrics_main`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from calico.data.waymo.records import OBJECT_TYPES
from calico.data.waymo.v1.objects import Objects
from calico.errors import CalicoError
from calico.frame import Int64
from calico_eval.metrics.waymo.counts import (
    FoundBoxes,
    TrueBoxes,
    WaymoCounts,
    assign_difficulties,
    count_matches,
)
from calico_eval.metrics.waymo.figures import compute_figures
from calico_eval.metrics.waymo.pool import WaymoPool
from calico_eval.metrics.waymo.scorers import LongitudinalTolerantScorer, OverlapScorer

CLASSES: tuple[str, ...] = tuple(OBJECT_TYPES.values())
LEAST_OVERLAPS: tuple[float, ...] = (0.7, 0.5, 0.5, 0.5)
TOLERANT_OVERLAPS: tuple[float, ...] = (0.5, 0.3, 0.3, 0.3)
"""Least IoU of vehicles, pedestrians, signs and cyclists in LET-3D-AP."""


def evaluate_objects(found: Objects, true: Objects, *, tolerant: bool = False) -> dict[str, float]:
    """Compute the official figures of predictions.

    Args:
        found: Predictions; one without a score counts 1.
        true: Ground truth.
        tolerant: Whether to compute LET-3D-AP, with the boxes at the time of the cameras.

    Returns:
        Name to figure as in `waymo.figures`, with signs as a fourth class. NaN where undefined.

    Raises:
        CalicoError: There are no boxes at all, or a type is unknown.

    Example:
        >>> from pathlib import Path
        >>> from calico.data.waymo.v1.objects import read_objects
        >>> found, true = map(read_objects, (Path("pd.bin"), Path("gt.bin")))  # doctest: +SKIP
        >>> evaluate_objects(found, true)["APH_L2/vehicle"]  # doctest: +SKIP
        0.16123
    """
    pool = WaymoPool.from_frames(list(count_objects(found, true, tolerant=tolerant)))
    return compute_figures(pool, CLASSES, tolerant=tolerant)


def count_objects(
    found: Objects, true: Objects, *, tolerant: bool = False
) -> Iterator[WaymoCounts]:
    """Match the frames of two files, in the order of segment and time.

    Args:
        found: Predictions.
        true: Ground truth.
        tolerant: Whether to match as LET-3D-AP does.

    Raises:
        CalicoError: A type is unknown.
    """
    boxes, points = true.labels.boxes, true.labels.num_points
    if tolerant:
        boxes, points = true.labels.camera_synced, true.labels.num_top_points
    counted = (points > 0) & np.isfinite(boxes).all(axis=1)
    levels = assign_difficulties(points, true.labels.detection_difficulty)
    scorer = (
        LongitudinalTolerantScorer(TOLERANT_OVERLAPS) if tolerant else OverlapScorer(LEAST_OVERLAPS)
    )
    labels = [_list_labels(one, name) for one, name in ((found, "predictions"), (true, "truth"))]
    scores = np.where(np.isnan(found.scores), np.float32(1), found.scores)
    rows = _group_frames(found), _group_frames(true)
    for key in sorted({*rows[0], *rows[1]}):
        mine, theirs = (one.get(key, np.zeros(0, np.int64)) for one in rows)
        theirs = theirs[counted[theirs]]
        yield count_matches(
            FoundBoxes(
                found.labels.boxes[mine].astype(np.float64),
                labels[0][mine],
                scores[mine],
                found.in_no_label_zone[mine],
            ),
            TrueBoxes(boxes[theirs].astype(np.float64), labels[1][theirs], levels[theirs]),
            len(CLASSES),
            scorer,
        )


def _list_labels(objects: Objects, where: str) -> Int64:
    """List the classes (N,) of objects."""
    labels: Int64 = objects.labels.types.astype(np.int64) - 1
    wrong = labels[(labels < 0) | (labels >= len(CLASSES))]
    if len(wrong):
        raise CalicoError(f"{where}: got type {wrong[0] + 1}, expected 1 to {len(CLASSES)}")
    return labels


def _group_frames(objects: Objects) -> dict[tuple[str, int], Int64]:
    """Map segment and time to the rows of the frame, in their order."""
    found: dict[tuple[str, int], list[int]] = {}
    keys = zip(objects.contexts, objects.timestamps_us.tolist(), strict=True)
    for row, key in enumerate(keys):
        found.setdefault(key, []).append(row)
    return {key: np.array(members, np.int64) for key, members in found.items()}
