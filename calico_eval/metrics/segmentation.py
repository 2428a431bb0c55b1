"""BEV map segmentation: IoU at the best threshold per class (BEVFusion's protocol, Liu et al. 2022, arXiv 2205.13542).

A cell is predicted where probability >= threshold (0.35, 0.40 .. 0.65). Per class and threshold, TP, FP and FN are summed
over all cells of all frames; IoU = TP / (TP + FP + FN); a class counts with its best threshold; mIoU is the mean over
classes. The best threshold is chosen on the data that is evaluated, so that IoU is slightly optimistic, as in BEVFusion.
Deviation: no 1e-7 in the denominator; a class that is neither there nor predicted has IoU 0 instead of 0 / 1e-7.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calico.errors import CalicoError
from calico.frame import Float64, Frame, Int64
from calico.predictions import Predictions
from calico.taxonomy import NUSCENES, Taxonomy

THRESHOLDS: tuple[float, ...] = (0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65)


@dataclass(frozen=True)
class SegmentationStats:
    """Cells of one frame.

    Attributes:
        tp: (K, 7) int64 true positives by map class and threshold (THRESHOLDS).
        fp: (K, 7) int64 false positives.
        fn: (K, 7) int64 false negatives.
        taxonomy: The K map classes.
    """

    tp: Int64
    fp: Int64
    fn: Int64
    taxonomy: Taxonomy = NUSCENES

    def __post_init__(self) -> None:
        expected = (len(self.taxonomy.map_classes), len(THRESHOLDS))
        for name in ("tp", "fp", "fn"):
            if getattr(self, name).shape != expected:
                raise CalicoError(
                    f"SegmentationStats.{name}: got shape {getattr(self, name).shape}, expected {expected}"
                )


@dataclass(frozen=True)
class SegmentationResult:
    """Unrounded fractions.

    mIoU: mean over all classes, one without ground truth counting 0 as in BEVFusion. mIoU_present: over classes with
    ground truth; None without any. iou: class to IoU at its best threshold, None without ground truth. threshold: class to
    that threshold (the lowest of equals). cells: class to number of ground-truth cells.
    """

    mIoU: float
    mIoU_present: float | None
    iou: dict[str, float | None]
    threshold: dict[str, float]
    cells: dict[str, int]
    n_frames: int


def segmentation_stats(frame: Frame, predictions: Predictions) -> SegmentationStats:
    """Counts cells at every threshold in one pass.

    Raises:
        CalicoError: masks or probabilities are missing, differ in shape, have another number of classes, or a
            probability is NaN.
    """
    masks, probs = frame.map_masks, predictions.map_probs
    where, classes = f"map of frame {frame.token}", len(frame.taxonomy.map_classes)
    if masks is None or probs is None:
        raise CalicoError(
            f"{where}: {'the frame has no masks' if masks is None else 'the model gave no map_probs'}"
        )
    if probs.shape != masks.shape or len(masks) != classes:
        raise CalicoError(
            f"{where}: got map_probs {probs.shape} and masks {masks.shape}; expected both as ({classes}, Y, X) on "
            "one grid. Use the map grid of the data set."
        )
    if np.isnan(probs).any():
        raise CalicoError(f"{where}: a probability is NaN; expected numbers in 0..1")
    passed = np.searchsorted(
        np.array(THRESHOLDS, np.float32), probs.astype(np.float32), side="right"
    )
    levels = len(THRESHOLDS) + 1
    code = (np.arange(classes)[:, None, None] * 2 + masks) * levels + passed
    counts = np.bincount(code.ravel(), minlength=classes * 2 * levels).reshape(classes, 2, levels)
    at_least = np.cumsum(counts[..., ::-1], axis=-1)[..., ::-1][..., 1:]
    tp = at_least[:, 1]
    return SegmentationStats(
        tp=tp,
        fp=at_least[:, 0],
        fn=counts[:, 1].sum(axis=-1, keepdims=True) - tp,
        taxonomy=frame.taxonomy,
    )


def aggregate_segmentation(stats: Sequence[SegmentationStats]) -> SegmentationResult:
    """Sums the frames' cells. Raises CalicoError without frames."""
    if not stats:
        raise CalicoError("segmentation metrics: got no frames with a map, expected at least one")
    tp, fp, fn = (np.sum([getattr(s, name) for s in stats], axis=0) for name in ("tp", "fp", "fn"))
    iou = iou_by_threshold(tp, fp, fn)
    best = iou.argmax(axis=1)
    names = stats[0].taxonomy.map_names
    values = segmentation_values(tp, fp, fn, names)
    by_class = {name: values[f"IoU/{name}"] for name in names}
    return SegmentationResult(
        mIoU=values["mIoU"],
        mIoU_present=None if np.isnan(values["mIoU_present"]) else values["mIoU_present"],
        iou={name: None if np.isnan(value) else value for name, value in by_class.items()},
        threshold={
            name: THRESHOLDS[index] for name, index in zip(names, best.tolist(), strict=True)
        },
        cells=dict(zip(names, (tp + fn)[:, 0].tolist(), strict=True)),
        n_frames=len(stats),
    )


def iou_by_threshold(tp: Int64, fp: Int64, fn: Int64) -> Float64:
    """(..., 7) IoU of summed cells; 0 where there are none."""
    result: Float64 = tp / np.maximum(tp + fp + fn, 1)
    return result


def segmentation_values(
    tp: Int64, fp: Int64, fn: Int64, names: tuple[str, ...]
) -> dict[str, float]:
    """Compute all figures by name; NaN for classes without ground truth.

    Args:
        tp: (K, 7) summed cells.
        fp: (K, 7) summed cells.
        fn: (K, 7) summed cells.
        names: Of the K map classes.
    """
    best = iou_by_threshold(tp, fp, fn).max(axis=1)
    present = (tp + fn)[:, 0] > 0
    values = {
        "mIoU": float(best.mean()),
        "mIoU_present": float(best[present].mean()) if present.any() else float("nan"),
    }
    by_class = np.where(present, best, np.nan)
    return values | {
        f"IoU/{name}": float(value) for name, value in zip(names, by_class, strict=True)
    }
