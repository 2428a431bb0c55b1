"""What Predictions take from a user's model, and what they refuse."""

from __future__ import annotations

import numpy as np
import pytest

from calico.errors import CalicoError
from calico.predictions import Predictions


def test_predictions_from_nested_lists() -> None:
    got = Predictions.from_mapping(
        {"boxes": [[1, 2, 0, 4, 2, 1.5, 0.1]], "scores": [0.5], "labels": [3]}, "mine"
    )
    assert got.boxes.shape == (1, 9)
    assert got.boxes[0, 7:].tolist() == [0, 0]
    assert Predictions.from_mapping(
        {"boxes": [], "scores": [], "labels": []}, "mine"
    ).boxes.shape == (0, 9)
    whole = Predictions.from_mapping(
        {"boxes": [[1.0] * 9], "scores": [1], "labels": [3.0]}, "mine"
    ).labels
    assert (whole.dtype, whole.tolist()) == (np.int64, [3])


def test_predictions_keep_nothing_of_the_users_arrays() -> None:
    boxes = np.ones((1, 9), np.float32)
    got = Predictions.from_mapping({"boxes": boxes, "scores": [1], "labels": [0]}, "mine")
    boxes[:] = 7
    assert got.boxes.max() == 1


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ([1, 2], "mine: got list, expected a mapping with boxes, scores, labels"),
        ({"boxes": []}, "mine: missing labels, scores; got keys"),
        ({"boxes": [[1.0] * 8], "scores": [1], "labels": [0]}, r"boxes \(1, 8\)"),
        ({"boxes": [[1.0] * 9], "scores": [1, 2], "labels": [0]}, r"scores \(2,\)"),
        ({"boxes": [[1.0] * 9], "scores": [[1]], "labels": [0]}, r"scores \(1, 1\)"),
        (
            {"boxes": [[1.0] * 9], "scores": [1 + 0j], "labels": [0]},
            "mine: scores: got values of type complex128",
        ),
        (
            {"boxes": [[1.0] * 9], "scores": [True], "labels": [0]},
            "mine: scores: got values of type bool",
        ),
        (
            {"boxes": [["1"] * 9], "scores": [1], "labels": [0]},
            "mine: boxes: got values of type <U1",
        ),
        (
            {"boxes": [[1.0] * 9], "scores": [1], "labels": ["3"]},
            "mine: labels: got values of type <U1",
        ),
        (
            {"boxes": [[1.0] * 9], "scores": [1], "labels": [0.9]},
            "mine: labels: got 0.9, expected whole numbers",
        ),
        (
            {"boxes": [[1.0] * 9], "scores": [1], "labels": [np.nan]},
            "mine: labels: got nan, expected whole numbers",
        ),
        (
            {"boxes": [[1.0] * 9], "scores": [1], "labels": [1e300]},
            r"mine: labels: got 1e\+300, expected whole",
        ),
        (
            {"boxes": [[1.0] * 9], "scores": [10**400], "labels": [0]},
            "mine: scores: got values of type object",
        ),
        (
            {"boxes": [[1.0] * 9], "scores": [1], "labels": [0], "attributes": [1.5]},
            "mine: attributes: got 1.5",
        ),
        (
            {"boxes": [[1.0] * 9], "scores": [1], "labels": [0], "attributes": [1, 1]},
            r"attributes have shape \(2,\)",
        ),
        (
            {"boxes": [], "scores": [], "labels": [], "map_probs": [[1]]},
            r"map_probs has shape \(1, 1\)",
        ),
    ],
)
def test_predictions_refuse(output: object, message: str) -> None:
    with pytest.raises(CalicoError, match=message):
        Predictions.from_mapping(output, "mine")  # type: ignore[arg-type]
