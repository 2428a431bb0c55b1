"""Check what an engine answers.

Every engine passes through this check: ours, exported graphs, users' objects and prediction files.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from calico.errors import CalicoError
from calico.frame import Bool, Frame
from calico.predictions import Predictions
from calico.taxonomy import Taxonomy

COLUMNS = ("x", "y", "z", "length", "width", "height", "yaw", "vx", "vy")
SIZES = slice(3, 6)


class AnswerCheck:
    """Checks the answers of one engine, which draws a map of every frame or of none.

    Args:
        taxonomy: Classes that the engine answers in, or None for those of the frames.
    """

    def __init__(self, taxonomy: Taxonomy | None = None) -> None:
        self._taxonomy = taxonomy
        self._first: tuple[str, bool] | None = None

    def check_answers(
        self, frames: Sequence[Frame], answers: Sequence[Predictions], where: str
    ) -> list[Predictions]:
        """Check the answers to a batch of frames.

        Args:
            frames: What the engine was asked about.
            answers: One answer per frame, in order.
            where: Names the model and its engine in messages.

        Returns:
            The same answers.

        Raises:
            CalicoError: The number of answers is another one. A box, score or map probability is
                not finite or out of its range. A label or attribute does not exist. Only some
                frames have a map. The message names frame, field, value and expectation. A velocity
                that is not a number is refused as well, because the mean error would leave it out
                and look better for it.
        """
        if len(answers) != len(frames):
            raise CalicoError(
                f"{where}: got {len(answers)} answers for {len(frames)} frames; expected one each"
            )
        for frame, answer in zip(frames, answers, strict=True):
            here = f"{where}, frame {frame.token}"
            taxonomy = self._taxonomy or frame.taxonomy
            _check_boxes(answer, here, taxonomy)
            self._check_map(frame.token, answer, here, len(taxonomy.map_classes))
        return list(answers)

    def _check_map(self, token: str, answer: Predictions, here: str, classes: int) -> None:
        has_map = answer.map_probs is not None
        if self._first is None:
            self._first = token, has_map
        other, had_map = self._first
        if has_map != had_map:
            raise CalicoError(
                f"{here}: map_probs {'are given' if has_map else 'are missing'}, and frame {other} "
                "had "
                f"{'some' if had_map else 'none'}; expected a map in all frames or in none"
            )
        if answer.map_probs is None:
            return
        shape = answer.map_probs.shape
        if shape[0] != classes or 0 in shape:
            raise CalicoError(f"{here}: map_probs have shape {shape}; expected ({classes}, Y, X)")
        _require(
            _within(answer.map_probs, 0, 1),
            answer.map_probs,
            f"{here}: map_probs",
            "numbers in 0..1",
        )


def _check_boxes(answer: Predictions, here: str, taxonomy: Taxonomy) -> None:
    boxes = answer.boxes
    _require(_within(answer.scores, 0, 1), answer.scores, f"{here}: scores", "numbers in 0..1")
    _require(np.isfinite(boxes), boxes, f"{here}: boxes", f"finite numbers ({', '.join(COLUMNS)})")
    _require(
        boxes[:, SIZES] > 0,
        boxes[:, SIZES],
        f"{here}: sizes of boxes",
        "length, width and height above 0",
    )
    last = len(taxonomy.classes) - 1
    names = f"0..{last} ({', '.join(taxonomy.names)})"
    _require(_within(answer.labels, 0, last), answer.labels, f"{here}: labels", names)
    if answer.attributes is not None:
        last = len(taxonomy.attributes) - 1
        _require(
            _within(answer.attributes, -1, last),
            answer.attributes,
            f"{here}: attributes",
            f"-1..{last}",
        )


def _within(values: npt.NDArray[np.number], low: int, high: int) -> Bool:
    """Mark the values that are numbers from low to high."""
    result: Bool = (values >= low) & (values <= high)
    return result


def _require(
    sound: npt.NDArray[np.bool_], values: npt.NDArray[np.number], what: str, expected: str
) -> None:
    """Raise CalicoError with the first value that is not sound and its place."""
    if not sound.all():
        place = tuple(int(i) for i in np.argwhere(~sound)[0])
        raise CalicoError(f"{what}: got {values[place]:g} at {list(place)}, expected {expected}")
