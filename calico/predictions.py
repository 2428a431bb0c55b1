"""What every engine returns for one frame, ours or a user's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from calico.errors import CalicoError
from calico.frame import Float32, Int64

FIELDS = ("boxes", "scores", "labels", "map_probs", "attributes")
LARGEST_WHOLE = 2.0**53
"""Floating-point numbers up to this one hold every whole number."""


@dataclass(frozen=True)
class Predictions:
    """Detections and map of one frame, in the LiDAR frame (conventions: `calico.frame`).

    boxes: (M, 9) float32 x, y, z, length, width, height [m], yaw [rad], vx, vy [m/s].
    scores: (M,) float32 in 0..1. labels: (M,) int64 index into the classes of the frame's taxonomy.
    map_probs: (K, Y, X) float32 in 0..1 on the map grid, or None for a model without a map head.
    attributes: (M,) int64 index into the attributes of the frame's taxonomy, or None. The
        metric then derives them from the speed.
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
                f"predictions: boxes {self.boxes.shape}, scores {self.scores.shape}, labels "
                f"{self.labels.shape}; "
                "expected (M, 9), (M,), (M,)"
            )
        if self.attributes is not None and self.attributes.shape != (m,):
            raise CalicoError(
                f"predictions: attributes have shape {self.attributes.shape}, expected ({m},)"
            )
        if self.map_probs is not None and self.map_probs.ndim != 3:
            raise CalicoError(
                f"predictions: map_probs has shape {self.map_probs.shape}, expected (K, Y, X)"
            )

    @staticmethod
    def from_mapping(output: Mapping[str, Any] | Predictions, where: str) -> Predictions:
        """Reads what a user's model returned, into arrays of our own.

        Args:
            output: boxes, scores, labels and, if the model has them, map_probs, attributes, as
                arrays
                or nested lists, with the shapes above. Boxes of 7 columns get unknown (zero)
                velocities. Labels may be floats that are whole.
            where: names the model and the frame in the error message.

        Raises:
            CalicoError: a key is missing, a shape is wrong, or a value is not made of real numbers
                (labels and attributes: of whole ones). `calico_eval.engines.answers` checks ranges.
        """
        if isinstance(output, Predictions):
            output = {name: getattr(output, name) for name in FIELDS}
        if not isinstance(output, Mapping):
            raise CalicoError(
                f"{where}: got {type(output).__name__}, expected a mapping with boxes, scores, "
                "labels"
            )
        missing = [name for name in ("boxes", "labels", "scores") if name not in output]
        if missing:
            keys = [str(key)[:40] for key in islice(output, 10)]
            raise CalicoError(f"{where}: missing {', '.join(missing)}; got keys {sorted(keys)}")
        map_probs, attributes = output.get("map_probs"), output.get("attributes")
        try:
            return Predictions(
                boxes=_nine_columns(_real(output["boxes"], f"{where}: boxes")),
                scores=_real(output["scores"], f"{where}: scores"),
                labels=_whole(output["labels"], f"{where}: labels"),
                map_probs=None if map_probs is None else _real(map_probs, f"{where}: map_probs"),
                attributes=None
                if attributes is None
                else _whole(attributes, f"{where}: attributes"),
            )
        except CalicoError as error:
            raise (
                error if str(error).startswith(where) else CalicoError(f"{where}: {error}")
            ) from None


def _nine_columns(boxes: Float32) -> Float32:
    """Boxes (M, 9) of boxes with or without velocities; others stay as they are."""
    if boxes.size == 0:
        return np.zeros((len(boxes) if boxes.ndim == 2 else 0, 9), np.float32)
    if boxes.ndim == 2 and boxes.shape[1] == 7:
        return np.concatenate([boxes, np.zeros((len(boxes), 2), np.float32)], axis=1)
    return boxes


def _numbers(value: Any, what: str) -> npt.NDArray[Any]:
    """The value as an array of real numbers."""
    array = np.asarray(value)
    if array.size == 0:
        return np.zeros(array.shape)
    if array.dtype.kind not in "fiu":
        raise CalicoError(f"{what}: got values of type {array.dtype}, expected real numbers")
    return array


def _real(value: Any, what: str) -> Float32:
    """A new array of float32; what is too large for it becomes infinite."""
    with np.errstate(over="ignore"):
        return _numbers(value, what).astype(np.float32)


def _whole(value: Any, what: str) -> Int64:
    """A new array of int64."""
    array = _numbers(value, what)
    if array.dtype.kind == "f":
        whole = (np.abs(array) <= LARGEST_WHOLE) & (array == np.floor(array))
        if not whole.all():
            raise CalicoError(f"{what}: got {array[~whole].flat[0]:g}, expected whole numbers")
    return array.astype(np.int64)
