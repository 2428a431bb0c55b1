"""How good the predictions of a single frame are. No metric of the field is defined for one frame; this only ranks."""

from __future__ import annotations

from calico_eval.metrics.detected_objects import SCORE
from calico_eval.metrics.matching import DISTANCES_M, TP_DISTANCE_M
from calico_eval.metrics.segmentation import THRESHOLDS
from calico_eval.metrics.suffstats import FrameStats


def frame_quality(stats: FrameStats) -> float:
    """How good one frame's predictions are, to tell frames and attacks apart, not to be reported: 0..1.

    The mean of what there is: F1 of the boxes (matched at 2 m, score >= 0.2), and the map's IoU at 0.5 pooled over classes.
    """
    found, parts = stats.detection, []
    kept = found.scores >= SCORE
    hits = int(found.tp[kept, DISTANCES_M.index(TP_DISTANCE_M)].sum())
    total = int(kept.sum()) + int(found.n_gt.sum())
    if total:
        parts.append(2 * hits / total)
    if stats.segmentation is not None:
        level = THRESHOLDS.index(0.5)
        tp, fp, fn = (
            int(getattr(stats.segmentation, name)[:, level].sum()) for name in ("tp", "fp", "fn")
        )
        if tp + fp + fn:
            parts.append(tp / (tp + fp + fn))
    return sum(parts) / len(parts) if parts else 0.0
