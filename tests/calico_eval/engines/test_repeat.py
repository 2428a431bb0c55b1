from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from calico.frame import Frame
from calico.predictions import Predictions
from calico_eval.engines.repeat import compare_two_answers

ONE = Predictions(np.ones((1, 9), np.float32), np.array([0.5], np.float32), np.array([0]))
TWO = Predictions(np.ones((2, 9), np.float32), np.full(2, 0.5, np.float32), np.array([0, 0]))
MAP = np.full((6, 2, 2), 0.5, np.float32)


class Says:
    def __init__(self, *answers: Predictions) -> None:
        self.answers = list(answers)

    def predict(self, frames: Sequence[Frame]) -> list[Predictions]:
        return [self.answers.pop(0) for _ in frames]


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (ONE, ""),
        (replace(ONE, scores=np.array([0.75], np.float32)), "scores by up to 0.25"),
        (replace(ONE, labels=np.array([3])), "labels by up to 3"),
        (
            TWO,
            "boxes of shapes (1, 9) and (2, 9), scores of shapes (1,) and (2,), labels of shapes "
            "(1,) and (2,)",
        ),
        (replace(ONE, map_probs=MAP), "map_probs once given and once missing"),
    ],
)
def test_two_answers(second: Predictions, said: str, frame: Frame) -> None:
    assert compare_two_answers(Says(ONE, second), frame) == said
