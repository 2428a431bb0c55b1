"""A quality of the predictions of a single frame, which only ranks frames.

No metric of the field is defined for one frame.
"""

from __future__ import annotations

from calico_eval.metrics.detected_objects import SCORE
from calico_eval.metrics.matching import DISTANCES_M, TP_DISTANCE_M
from calico_eval.metrics.segmentation import THRESHOLDS
from calico_eval.metrics.suffstats import FrameStats


def frame_quality(stats: FrameStats) -> float:
    """Rate the predictions of one frame from 0 to 1, to compare frames and attacks.

    The quality is the mean of F1 of the boxes (matched at 2 m, score >= 0.2) and of the map's IoU
    at 0.5 pooled over classes, as far as they are defined. It is not meant to be reported.
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
