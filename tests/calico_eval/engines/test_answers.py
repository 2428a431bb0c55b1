"""The check of answers: what is sound passes unchanged, and every fault is named with its place."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calico.errors import CalicoError
from calico.frame import Frame
from calico.predictions import Predictions
from calico_eval.engines.answers import AnswerCheck

BOX = [8.0, 1.0, 0.0, 4.0, 2.0, 1.5, 0.3, 0.0, 0.0]
SOUND = Predictions(
    np.array([BOX, BOX], np.float32), np.array([0.0, 1.0], np.float32), np.array([0, 9])
)


def with_box(column: int, value: float) -> Predictions:
    """Return the sound answer with another number in its second box."""
    boxes = SOUND.boxes.copy()
    boxes[1, column] = value
    return replace(SOUND, boxes=boxes)


def test_a_sound_answer_is_returned_as_it_is(frame: Frame) -> None:
    (found,) = AnswerCheck().check_answers([frame], [SOUND], "model m")
    assert found is SOUND


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (with_box(0, np.nan), r"boxes: got nan at \[1, 0\], expected finite numbers \(x, y, z"),
        (with_box(8, np.inf), r"boxes: got inf at \[1, 8\]"),
        (with_box(4, 0.0), r"sizes of boxes: got 0 at \[1, 1\], expected length, width and"),
        (
            replace(SOUND, scores=np.array([0.5, 1.5], np.float32)),
            r"scores: got 1\.5 at \[1\], expected numbers in 0\.\.1",
        ),
        (replace(SOUND, labels=np.array([-1, 0])), r"labels: got -1 at \[0\], expected 0\.\.9 "),
        (replace(SOUND, labels=np.array([0, 10])), r"labels: got 10 at \[1\], expected 0\.\.9 "),
        (replace(SOUND, attributes=np.array([-2, 0])), r"attributes: got -2 at \[0\], expected -1"),
        (
            replace(SOUND, map_probs=np.zeros((2, 4, 4), np.float32)),
            r"map_probs have shape \(2, 4, 4\); expected \(6, Y, X\)",
        ),
        (
            replace(SOUND, map_probs=np.full((6, 4, 4), 1.01, np.float32)),
            r"map_probs: got 1\.01 at \[0, 0, 0\], expected numbers in 0\.\.1",
        ),
    ],
)
def test_a_fault_is_named_with_its_place(frame: Frame, answer: Predictions, message: str) -> None:
    with pytest.raises(CalicoError, match=rf"model m, frame {frame.token}: {message}"):
        AnswerCheck().check_answers([frame], [answer], "model m")


def test_one_answer_per_frame(frame: Frame) -> None:
    with pytest.raises(CalicoError, match="model m: got 1 answers for 2 frames; expected one each"):
        AnswerCheck().check_answers([frame, frame], [SOUND], "model m")


def test_a_map_in_some_calls_only_is_refused_in_either_order(frame: Frame) -> None:
    drawn = replace(SOUND, map_probs=np.full((6, 4, 4), 0.5, np.float32))
    for first, second, message in ((SOUND, drawn, "are given"), (drawn, SOUND, "are missing")):
        check = AnswerCheck()
        check.check_answers([frame], [first], "model m")
        with pytest.raises(CalicoError, match=f"map_probs {message}, and frame {frame.token} had"):
            check.check_answers([frame], [second], "model m")
