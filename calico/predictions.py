"""What every engine returns for one frame, ours or a user's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from calico.errors import CalicoError
from calico.frame import Float32, Int64


@dataclass(frozen=True)
class Predictions:
    """Detections and map of one frame, in the LiDAR frame (conventions: `calico.frame`).

    boxes: (M, 9) float32 x, y, z, length, width, height [m], yaw [rad], vx, vy [m/s].
    scores: (M,) float32 in 0..1. labels: (M,) int64 index into the detection classes.
    map_probs: (K, Y, X) float32 in 0..1 on the map grid, or None for a model without a map head.
    attributes: (M,) int64 index into `taxonomy.ATTRIBUTES`, or None (the metric then derives them from the speed).
    """

    boxes: Float32
    scores: Float32
    labels: Int64
    map_probs: Float32 | None = None
    attributes: Int64 | None = None

    def __post_init__(self) -> None:
        m = len(self.boxes)
        if self.boxes.shape != (m, 9) or self.scores.shape != (m,) or self.labels.shape != (m,):
            raise CalicoError(
                f"predictions: boxes {self.boxes.shape}, scores {self.scores.shape}, labels {self.labels.shape}; "
                "expected (M, 9), (M,), (M,)"
            )
        if self.map_probs is not None and self.map_probs.ndim != 3:
            raise CalicoError(f"predictions: map_probs has shape {self.map_probs.shape}, expected (K, Y, X)")

    @staticmethod
    def from_mapping(output: Mapping[str, Any] | Predictions, where: str) -> Predictions:
        """Reads what a user's model returned: a mapping with boxes, scores, labels and, if it has them, map_probs, attributes.

        Args:
            output: arrays or nested lists, shapes as above; boxes of 7 columns get unknown (zero) velocities.
            where: names the model and the frame in the error message.

        Raises:
            CalicoError: a key is missing, a shape is wrong, or a number is not finite.
        """
        if isinstance(output, Predictions):
            return output
        if not isinstance(output, Mapping):
            raise CalicoError(f"{where}: got {type(output).__name__}, expected a mapping with boxes, scores, labels")
        missing = {"boxes", "scores", "labels"} - set(output)
        if missing:
            raise CalicoError(f"{where}: missing {', '.join(sorted(missing))}; got keys {sorted(map(str, output))}")
        boxes = np.asarray(output["boxes"], np.float32)
        boxes = boxes.reshape(0, 9) if boxes.size == 0 else boxes
        if boxes.ndim == 2 and boxes.shape[1] == 7:
            boxes = np.concatenate([boxes, np.zeros((len(boxes), 2), np.float32)], axis=1)
        map_probs = output.get("map_probs")
        attributes = output.get("attributes")
        result = Predictions(
            boxes=boxes,
            scores=np.asarray(output["scores"], np.float32).reshape(-1),
            labels=np.asarray(output["labels"], np.int64).reshape(-1),
            map_probs=None if map_probs is None else np.asarray(map_probs, np.float32),
            attributes=None if attributes is None else np.asarray(attributes, np.int64).reshape(-1),
        )
        if not np.isfinite(result.boxes).all() or not np.isfinite(result.scores).all():
            raise CalicoError(f"{where}: boxes or scores are not finite")
        return result
