"""The boxes of many frames, joined into arrays and checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calico.errors import CalicoError
from calico.frame import Float32, Float64, Frame, Int64
from calico.geometry.frames import invert_transform
from calico.predictions import Predictions
from calico_eval.metrics.attributes import derive_attributes

MAX_BOXES = 500
"""Most predictions a frame may have."""


@dataclass(frozen=True)
class BoxRows:
    """Boxes of many frames as arrays, one row each.

    Attributes:
        frame: (N,) position of the frame.
        xy: (N, 2) place relative to the vehicle [m], see `locate_about_ego`.
        boxes: (N, 9) as in `calico.frame.Boxes`, in float64.
        labels: (N,) classes.
        attributes: (N,) attributes, -1 for none.
    """

    frame: Int64
    xy: Float64
    boxes: Float64
    labels: Int64
    attributes: Int64

    def select(self, keep: Int64) -> BoxRows:
        """Select rows by number."""
        return BoxRows(
            self.frame[keep],
            self.xy[keep],
            self.boxes[keep],
            self.labels[keep],
            self.attributes[keep],
        )


def join_frames(pairs: Sequence[tuple[Frame, Predictions]]) -> tuple[BoxRows, BoxRows]:
    """Join the objects of frames, and the predictions.

    Args:
        pairs: Frames of one taxonomy and their predictions. Predictions without attributes get
            those of `derive_attributes`.

    Raises:
        CalicoError: A frame has more than 500 predictions, a label is unknown, a score, centre,
            size or yaw is not finite, or a size is not positive. The message names the first frame
            that is wrong.
    """
    true, found = [frame.boxes for frame, _ in pairs], [predictions for _, predictions in pairs]
    boxes = [np.concatenate([one.boxes for one in some]) for some in (true, found)]
    labels = [np.concatenate([one.labels for one in some]) for some in (true, found)]
    if not _are_sound(pairs, boxes, labels):
        for frame, predictions in pairs:
            _check(frame, predictions)
    places = []
    for frame, predictions in pairs:
        both = np.concatenate([frame.boxes.boxes, predictions.boxes])
        places.append(np.split(locate_about_ego(frame, both), [len(frame.boxes)]))
    attributes = (
        [one.attributes for one in true],
        [
            derive_attributes(one.boxes, one.labels, frame.taxonomy)
            if one.attributes is None
            else one.attributes
            for frame, one in pairs
        ],
    )
    numbers = np.arange(len(pairs))
    of_frame = [np.repeat(numbers, [len(one.boxes) for one in some]) for some in (true, found)]
    first, second = (
        BoxRows(
            of_frame[side],
            np.concatenate([place[side] for place in places]),
            boxes[side].astype(np.float64),
            labels[side],
            np.concatenate(attributes[side]),
        )
        for side in (0, 1)
    )
    return first, second


def locate_about_ego(frame: Frame, boxes: npt.NDArray[np.floating]) -> Float64:
    """Locate boxes relative to the ego frame's origin, in the axes of the global frame.

    Args:
        frame: Frame with the poses.
        boxes: (M, 7 or more) boxes in the LiDAR frame.

    Returns:
        (M, 2) x and y of the centres [m].
    """
    ego_origin = invert_transform(frame.ego_T_lidar)[:3, 3]
    result: Float64 = (
        (boxes[:, :3].astype(np.float64) - ego_origin) @ frame.global_T_lidar[:3, :3].T
    )[:, :2]
    return result


def _are_sound(
    pairs: Sequence[tuple[Frame, Predictions]], boxes: Sequence[Float32], labels: Sequence[Int64]
) -> bool:
    """Check all frames at once: what holds for all needs no look at each."""
    classes = len(pairs[0][0].taxonomy.classes)
    return (
        all(
            len(found.boxes) <= MAX_BOXES and bool(np.isfinite(found.scores).all())
            for _, found in pairs
        )
        and all(bool(((some >= 0) & (some < classes)).all()) for some in labels)
        and all(bool(np.isfinite(some[:, :7]).all()) for some in boxes)
        and all(bool((some[:, 3:6] > 0).all()) for some in boxes)
    )


def _check(frame: Frame, predictions: Predictions) -> None:
    """Check labels, boxes and scores of a frame."""
    boxes = np.concatenate([frame.boxes.boxes, predictions.boxes]).astype(np.float64)
    where = f"predictions of frame {frame.token}"
    if len(predictions.boxes) > MAX_BOXES:
        raise CalicoError(
            f"{where}: got {len(predictions.boxes)} boxes, expected at most {MAX_BOXES} (nuScenes' "
            "limit); "
            "keep those of the highest scores"
        )
    true, classes = f"ground truth of frame {frame.token}", len(frame.taxonomy.classes)
    for name, labels in ((where, predictions.labels), (true, frame.boxes.labels)):
        bad = (labels < 0) | (labels >= classes)
        if bad.any():
            raise CalicoError(f"{name}: got label {labels[bad][0]}, expected 0..{classes - 1}")
    sound = np.isfinite(boxes[:, :7]).all(axis=1) & (boxes[:, 3:6] > 0).all(axis=1)
    if not sound.all():
        first, row = len(frame.boxes), int(sound.argmin())
        name, number = (true, row) if row < first else (where, row - first)
        raise CalicoError(
            f"{name}: box {number} is {boxes[row, :7].tolist()}; expected a finite centre and yaw "
            "and positive sizes"
        )
    if not np.isfinite(predictions.scores).all():
        raise CalicoError(f"{where}: a score is not finite; expected numbers in 0..1")
