"""From the fixed-size arrays that the network returns to `Predictions`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from calico.frame import Float32
from calico.predictions import Predictions


def to_predictions(
    boxes: Float32 | None,
    scores: Float32 | None,
    labels: npt.NDArray[np.integer] | None,
    map_probs: Float32 | None,
    frames: int,
) -> list[Predictions]:
    """Turn the network's arrays into one `Predictions` per frame.

    Slots of score 0 are dropped.

    A score that is not a number stays, because the check of an engine's answers must see it.

    Args:
        boxes: (B, M, 9) boxes, or None without a detection head.
        scores: (B, M) scores, or None.
        labels: (B, M) labels, or None.
        map_probs: (B, K, Y, X) probabilities, or None.
        frames: B.
    """
    if boxes is None or scores is None or labels is None:
        boxes = np.zeros((frames, 0, 9), np.float32)
        scores, labels = np.zeros((frames, 0), np.float32), np.zeros((frames, 0), np.int64)
    results = []
    for index in range(frames):
        keep = scores[index] != 0
        with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite
            results.append(
                Predictions(
                    boxes=boxes[index][keep].astype(np.float32),
                    scores=scores[index][keep].astype(np.float32),
                    labels=labels[index][keep].astype(np.int64),
                    map_probs=None if map_probs is None else map_probs[index].astype(np.float32),
                )
            )
    return results
