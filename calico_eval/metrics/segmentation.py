"""BEV map segmentation: IoU at the best threshold per class, BEVFusion's protocol.

A cell is predicted if its probability is at least the threshold (0.35, 0.40 .. 0.65). Per class and
threshold, TP, FP and FN are summed over all cells of all frames. IoU = TP / (TP + FP + FN), a class
counts with its best threshold, and mIoU is the mean over classes. The best threshold is chosen on
the data that is evaluated, so that IoU is slightly optimistic, as in BEVFusion.

Deviations: no 1e-7 in the denominator, so that a class that is neither there nor predicted has IoU
0 instead of 0 / 1e-7. Cells whose map is unknown (`Frame.map_known`) count nowhere. nuScenes has no
such cells.

Source: BEVFusion, Liu et al. 2022, arXiv 2205.13542.
"""

from __future__ import annotations

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
                    f"SegmentationStats.{name}: got shape {getattr(self, name).shape}, expected "
                    f"{expected}"
                )


def segmentation_stats(frame: Frame, predictions: Predictions) -> SegmentationStats:
    """Count cells at every threshold in one pass.

    Args:
        frame: Frame with map masks.
        predictions: Predictions of the same frame, with map probabilities.

    Raises:
        CalicoError: Masks or probabilities are missing, differ in shape or have another number of
            classes, or a probability is NaN.
    """
    masks, probs = frame.map_masks, predictions.map_probs
    where, classes = f"map of frame {frame.token}", len(frame.taxonomy.map_classes)
    if masks is None or probs is None:
        raise CalicoError(
            f"{where}: "
            f"{'the frame has no masks' if masks is None else 'the model gave no map_probs'}"
        )
    if probs.shape != masks.shape or len(masks) != classes:
        raise CalicoError(
            f"{where}: got map_probs {probs.shape} and masks {masks.shape}; expected both as "
            f"({classes}, Y, X) on "
            "one grid. Use the map grid of the data set."
        )
    if np.isnan(probs).any():
        raise CalicoError(f"{where}: a probability is NaN; expected numbers in 0..1")
    passed = np.searchsorted(
        np.array(THRESHOLDS, np.float32), probs.astype(np.float32), side="right"
    )
    if frame.map_known is not None:
        masks, passed = masks & frame.map_known, np.where(frame.map_known, passed, 0)
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


def compute_iou(tp: Int64, fp: Int64, fn: Int64) -> Float64:
    """Compute IoU of summed cells; 0 if there are none.

    Args:
        tp: (..., 7) true positives.
        fp: (..., 7) false positives.
        fn: (..., 7) false negatives.

    Returns:
        (..., 7) IoU.
    """
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
    best = compute_iou(tp, fp, fn).max(axis=1)
    present = (tp + fn)[:, 0] > 0
    values = {
        "mIoU": float(best.mean()),
        "mIoU_present": float(best[present].mean()) if present.any() else float("nan"),
    }
    by_class = np.where(present, best, np.nan)
    return values | {
        f"IoU/{name}": float(value) for name, value in zip(names, by_class, strict=True)
    }
