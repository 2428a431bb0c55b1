"""Strokes and boxes that both kinds of picture share."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from calico.draw import draw_bev, draw_cameras
from calico.draw.style import CLASS_COLORS
from calico.frame import Boxes, Frame
from calico.predictions import Predictions

CAR = np.array(CLASS_COLORS[0])


def bare(frame: Frame) -> Frame:
    """Without points and boxes, on black images."""
    none = np.zeros(0, np.int16)
    black = tuple(np.zeros_like(image) for image in frame.images)
    empty = Boxes.empty()
    return frame.replace(
        points=np.zeros((0, 5), np.float32), ring=none, sweep_index=none, boxes=empty, images=black
    )


def near(picture: np.ndarray, color: np.ndarray, tolerance: int = 60) -> np.ndarray:
    """(n, 2) rows and columns of the pixels of about that colour."""
    return np.argwhere(abs(picture.astype(int) - color).sum(axis=2) < tolerance)


def a_car(x: float, y: float, yaw: float = 0.0, score: float = 0.9) -> Predictions:
    box = np.array([[x, y, -1, 4, 2, 1.5, yaw, 0, 0]], np.float32)
    return Predictions(box, np.array([score], np.float32), np.array([0]))


def as_truth(predictions: Predictions) -> Boxes:
    one = np.ones(1, np.int64)
    return Boxes(predictions.boxes, predictions.labels, one, one)


def test_predictions_are_dashed_and_the_weak_ones_left_out(frame: Frame) -> None:
    solid = draw_bev(replace(bare(frame), boxes=as_truth(a_car(10, 0, 0.3))), range_m=16)
    dashed = draw_bev(bare(frame), a_car(10, 0, 0.3), range_m=16)
    empty = draw_bev(bare(frame), range_m=16)
    share = len(near(dashed[:640], CAR, 200)) / len(near(solid[:640], CAR, 200))
    assert 0.15 < share < 0.8
    np.testing.assert_array_equal(draw_bev(bare(frame), a_car(10, 0, score=0.1), range_m=16), empty)
    assert (
        draw_bev(bare(frame), a_car(10, 0, score=0.1), range_m=16, score_threshold=0.05) != empty
    ).any()


@pytest.mark.parametrize("column", range(9))
def test_a_box_of_senseless_size_or_place_is_not_drawn(column: int, frame: Frame) -> None:
    found = a_car(10, 0)
    found.boxes[0, column] = 3e38
    nothing = replace(found, scores=np.zeros(1, np.float32))
    for draw in (draw_cameras, partial(draw_bev, range_m=16)):
        assert np.array_equal(draw(bare(frame), found), draw(bare(frame), nothing))
