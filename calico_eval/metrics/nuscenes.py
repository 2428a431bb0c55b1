"""The nuScenes detection metrics (detection_cvpr_2019), pooled from per-frame statistics.

The figures equal those of nuscenes-devkit 1.2.0. Per class and distance threshold, the predictions
of all frames are put in order of falling score (equal scores: later frame first, within a frame the
later box first, as the devkit's reversed sort does). With tp and n the running counts, precision =
tp / n is interpolated linearly at 101 recalls tp / n_gt (0 beyond the highest recall reached), and

    AP = mean over recalls 0.11..1 of max(precision - 0.1, 0) / 0.9

A class's AP is the mean over the thresholds, mAP the mean over the classes. The errors of the true
positives at 2 m are running means over the falling scores, interpolated at the scores of the 101
recalls and averaged from recall 0.11 to the highest one reached. An error is 1 if 0.11 is not
reached. nuScenes leaves AOE, AVE and AAE of cones undefined, and AVE and AAE of barriers.

    NDS = (5 mAP + sum over the five errors of max(0, 1 - mean over classes)) / 10

A class without ground truth has AP 0 and errors 1, here as in the devkit; `mAP_present` leaves such
classes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calico.errors import CalicoError
from calico.frame import Bool, Float32, Float64, Int64
from calico.taxonomy import NUSCENES, Taxonomy
from calico_eval.metrics.matching import (
    DISTANCES_M,
    TP_DISTANCE_M,
    TP_ERRORS,
    DetectionStats,
    detection_stats,
)

__all__ = [
    "DetectionPool",
    "DetectionResult",
    "DetectionStats",
    "aggregate_detection",
    "class_ranges",
    "detection_stats",
    "detection_values",
    "pool_detection",
]

_RECALLS: Float64 = np.linspace(0, 1, 101)
_FIRST = 11
"""Index of the first recall that counts (above 0.1)."""
_MIN_PRECISION = 0.1
_TP_ROW = DISTANCES_M.index(TP_DISTANCE_M)
_MAP_WEIGHT = 5


def class_ranges(clip_to_m: float | None = None) -> dict[str, float]:
    """Return nuScenes' range per class [m].

    It is 50 m for vehicles, 40 m for pedestrians and cycles, 30 m for cones and barriers.

    Args:
        clip_to_m: Largest range, e.g. `Grid.inner_radius_m`. Figures are then not nuScenes' any
            more.
    """
    return NUSCENES.ranges(clip_to_m)


@dataclass(frozen=True)
class DetectionResult:
    """The official figures, unrounded.

    Attributes:
        mAP: Mean average precision.
        mAP_present: Mean over the classes with ground truth; None without any ground truth.
        NDS: nuScenes detection score.
        mATE: Mean translation error [m].
        mASE: Mean scale error [fraction].
        mAOE: Mean orientation error [rad].
        mAVE: Mean velocity error [m/s].
        mAAE: Mean attribute error [fraction].
        ap: Class to threshold [m] to AP.
        class_ap: Class to the mean over thresholds.
        tp_errors: Class to name (`TP_ERRORS`) to value, None if the taxonomy defines none.
        n_gt: Class to number of objects. With 0 objects, its AP is 0 by convention.
        n_frames: Number of frames.
    """

    mAP: float
    mAP_present: float | None
    NDS: float
    mATE: float
    mASE: float
    mAOE: float
    mAVE: float
    mAAE: float
    ap: dict[str, dict[float, float]]
    class_ap: dict[str, float]
    tp_errors: dict[str, dict[str, float | None]]
    n_gt: dict[str, int]
    n_frames: int


def aggregate_detection(stats: Sequence[DetectionStats]) -> DetectionResult:
    """Pool frames, in the order of the evaluation.

    Aggregating a part equals evaluating that part alone.

    Raises:
        CalicoError: There are no frames.
    """
    pool = pool_detection(stats)
    ap, errors = pool.compute_ap_and_errors()
    n_gt = pool.n_gt.sum(axis=0)
    names = pool.taxonomy.names
    values = detection_values(ap, errors, n_gt, pool.taxonomy)
    present = values["mAP_present"]
    return DetectionResult(
        **{name: values[name] for name in ("mAP", "NDS", *(f"m{error}" for error in TP_ERRORS))},
        mAP_present=None if np.isnan(present) else present,
        ap={
            name: dict(zip(DISTANCES_M, row.tolist(), strict=True))
            for name, row in zip(names, ap, strict=True)
        },
        class_ap=dict(zip(names, ap.mean(axis=1).tolist(), strict=True)),
        tp_errors={
            name: {
                error: None if np.isnan(value) else value
                for error, value in zip(TP_ERRORS, row.tolist(), strict=True)
            }
            for name, row in zip(names, errors, strict=True)
        },
        n_gt=dict(zip(names, n_gt.tolist(), strict=True)),
        n_frames=len(stats),
    )


def detection_values(
    ap: Float64, errors: Float64, n_gt: Int64, taxonomy: Taxonomy
) -> dict[str, float]:
    """Compute all figures by name; NaN for classes without ground truth.

    mAP, NDS and the mean errors follow the devkit for those (AP 0, error 1). An error that no class
    defines is NaN, and NDS then rests on the errors that are defined: (5 mAP + their sum) / (5 +
        n).

    Args:
        ap: (C, 4) by class and threshold.
        errors: (C, 5) by class, NaN where undefined.
        n_gt: (C,) objects by class.
        taxonomy: The C classes.
    """
    class_ap = ap.mean(axis=1)
    defined = ~np.isnan(errors).all(axis=0)
    mean_errors = np.full(len(TP_ERRORS), np.nan)
    mean_errors[defined] = np.nanmean(errors[:, defined], axis=0)
    mean_ap = float(class_ap.mean())
    present = n_gt > 0
    values = {
        "mAP": mean_ap,
        "mAP_present": float(class_ap[present].mean()) if present.any() else float("nan"),
        "NDS": float(
            (_MAP_WEIGHT * mean_ap + np.maximum(0.0, 1.0 - mean_errors[defined]).sum())
            / (_MAP_WEIGHT + int(defined.sum()))
        ),
    }
    values |= {f"m{name}": float(value) for name, value in zip(TP_ERRORS, mean_errors, strict=True)}
    by_class = np.where(present, class_ap, np.nan)
    return values | {
        f"AP/{name}": float(value) for name, value in zip(taxonomy.names, by_class, strict=True)
    }


@dataclass(frozen=True)
class DetectionPool:
    """The predictions of F frames, by class and in matching order.

    Any part of the frames is evaluated fast.

    Attributes:
        scores: (n,) for each class.
        tp: (4, n) for each class, a true positive at each of DISTANCES_M.
        errors: (5, n) for each class, TP_ERRORS.
        frame: (n,) for each class, position of the frame.
        n_gt: (F, C) ground-truth objects.
        taxonomy: The C classes.
    """

    scores: tuple[Float32, ...]
    tp: tuple[Bool, ...]
    errors: tuple[Float64, ...]
    frame: tuple[Int64, ...]
    n_gt: Int64
    taxonomy: Taxonomy

    def compute_ap_and_errors(self, kept: Bool | None = None) -> tuple[Float64, Float64]:
        """Compute AP (C, 4) and errors (C, 5) of the frames kept (F,), or of all frames."""
        total = (self.n_gt if kept is None else self.n_gt[kept]).sum(axis=0)
        classes = self.taxonomy.classes
        ap = np.zeros((len(classes), len(DISTANCES_M)))
        errors = np.ones((len(classes), len(TP_ERRORS)))
        for label, one in enumerate(classes):
            scores, tp, tp_errors = self.scores[label], self.tp[label], self.errors[label]
            if kept is not None:
                index = kept[self.frame[label]]
                scores, tp, tp_errors = scores[index], tp[:, index], tp_errors[:, index]
            if total[label] > 0 and len(scores):
                hits = tp.cumsum(axis=1, dtype=np.int64)
                recalls = hits / total[label]
                ap[label] = _average_precisions(recalls, hits / np.arange(1, len(scores) + 1))
                errors[label] = _mean_errors(scores, recalls[_TP_ROW], tp[_TP_ROW], tp_errors)
            errors[label, [TP_ERRORS.index(error) for error in one.undefined_errors]] = np.nan
        return ap, errors


def pool_detection(stats: Sequence[DetectionStats]) -> DetectionPool:
    """Concatenate and sort the predictions of frames.

    Raises:
        CalicoError: There are no frames, or frames of several taxonomies.
    """
    if not stats:
        raise CalicoError("detection metrics: got no frames, expected at least one")
    taxonomy = stats[0].taxonomy
    others = [s.taxonomy.name for s in stats if s.taxonomy != taxonomy]
    if others:
        raise CalicoError(
            f"detection metrics: got frames of taxonomy {taxonomy.name} and of another, "
            f"{others[0]}; "
            "expected one"
        )
    labels = np.concatenate([s.labels for s in stats])
    scores = np.concatenate([s.scores for s in stats])
    tp = np.concatenate([s.tp for s in stats])
    errors = np.concatenate([s.errors for s in stats])
    frame = np.repeat(np.arange(len(stats)), [len(s.labels) for s in stats])
    falling = np.argsort(scores, kind="stable")[::-1]
    orders = [falling[labels[falling] == label] for label in range(len(taxonomy.classes))]
    return DetectionPool(
        scores=tuple(scores[order] for order in orders),
        tp=tuple(np.ascontiguousarray(tp[order].T) for order in orders),
        errors=tuple(np.ascontiguousarray(errors[order].T) for order in orders),
        frame=tuple(frame[order] for order in orders),
        n_gt=np.stack([s.n_gt for s in stats]),
        taxonomy=taxonomy,
    )


def _average_precisions(recalls: Float64, precisions: Float64) -> Float64:
    """Compute AP (4,) per threshold from the running recalls and precisions (4, n)."""
    curves = [
        np.interp(_RECALLS[_FIRST:], recall, precision, right=0)
        for recall, precision in zip(recalls, precisions, strict=True)
    ]
    above = np.maximum(np.array(curves) - _MIN_PRECISION, 0).mean(axis=1) / (1 - _MIN_PRECISION)
    result: Float64 = np.minimum(above, 1.0)  # 0.9 / (1 - 0.1) rounds to more than 1
    return result


def _mean_errors(scores: Float32, recall: Float64, tp: Bool, errors: Float64) -> Float64:
    """Average the errors (5, n) of the true positives (n,) over the recalls reached above 0.1."""
    score_at = np.interp(_RECALLS, recall, scores, right=0)
    reached = np.flatnonzero(score_at)
    last = int(reached[-1]) if len(reached) else 0
    if last < _FIRST:
        return np.ones(len(errors))
    errors = errors[:, tp]
    known = ~np.isnan(errors)
    running = np.where(known, errors, 0.0).cumsum(axis=1) / np.maximum(known.cumsum(axis=1), 1)
    running[~known.any(axis=1)] = 1.0
    window, tp_scores = score_at[_FIRST : last + 1], scores[tp][::-1]
    result: Float64 = np.array([np.interp(window, tp_scores, row[::-1]) for row in running]).mean(
        axis=1
    )
    return result
