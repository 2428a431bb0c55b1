"""Average precision as the official tool of the Waymo Open Dataset computes it.

Every score cut-off gives one precision and one recall. The precision at a recall is the largest one
at this recall or a higher one. Between two neighbouring recalls the curve is a straight line if
they are at most 0.05 apart. In a larger gap it stays at the precision of the higher recall, in
steps of 0.05, and the straight line is only the rest. From the lowest recall above 0 down to recall
0 the precision stays. AP is the area under this curve.

Source: ToDetectionMetrics and ComputeMeanAveragePrecision of waymo-research/waymo-open-dataset,
`desired_recall_delta` 0.05. The official tool computes in float32, this module in float64.
"""

from __future__ import annotations

import numpy as np

from calico.frame import Float64

RECALL_STEP = 0.05
"""Largest distance of two recalls that a straight line joins."""
_TOLERANCE = 1e-6


def compute_average_precision(tp: Float64, weighted: Float64, fp: Float64, fn: Float64) -> Float64:
    """Compute AP from counts at every score cut-off.

    Args:
        tp: (..., K) true positives at K cut-offs, in any order.
        weighted: (..., K) the true positives with weights of 0..1, or `tp` again for plain AP. They
            count in the precision, and never in the recall.
        fp: (..., K) false positives.
        fn: (..., K) objects that were not found.

    Returns:
        (...) AP in 0..1, which is 0 if nothing is found at any cut-off.
    """
    found, objects = tp + fp, tp + fn
    precision = np.divide(weighted, found, out=np.zeros(found.shape), where=found > 0)
    recall = np.divide(tp, objects, out=np.zeros(found.shape), where=objects > 0)
    precision = np.where(recall > 0, precision, 0.0)
    order = np.lexsort((-precision, -recall), axis=-1)
    recall = np.take_along_axis(recall, order, axis=-1)
    envelope = np.maximum.accumulate(np.take_along_axis(precision, order, axis=-1), axis=-1)
    lower_recall = np.concatenate([recall[..., 1:], np.zeros_like(recall[..., :1])], axis=-1)
    lower = np.concatenate([envelope[..., 1:], envelope[..., -1:]], axis=-1)
    gap = recall - lower_recall
    steps = np.ceil(np.maximum(gap - RECALL_STEP - _TOLERANCE, 0.0) / RECALL_STEP)
    flat = steps * RECALL_STEP
    result: Float64 = (flat * envelope + (gap - flat) * (envelope + lower) / 2).sum(axis=-1)
    return result
