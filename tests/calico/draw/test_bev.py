"""Frames from above."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calico.draw import draw_bev, draw_cameras
from calico.draw.bev import MAP_COLORS
from calico.draw.style import CLASS_COLORS
from calico.errors import CalicoError
from calico.frame import Boxes, Frame
from calico.geometry.grid import Grid
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


def test_forward_is_up_and_left_is_left(frame: Frame) -> None:
    """A car 20 m ahead and 10 m to the left, on 10 px a metre."""
    picture = draw_bev(replace(bare(frame), boxes=as_truth(a_car(20, 10))), range_m=32, size_px=640)
    assert picture.shape == (680, 640, 3)
    assert picture.dtype == np.uint8
    rows, columns = near(picture[:640], CAR).T
    box = (rows > 97) & (rows < 150)  # leaves out the caption above
    assert rows[box].min() == pytest.approx(320 - 220, abs=2)
    assert rows.max() == pytest.approx(320 - 180, abs=2)
    assert columns[box].min() == pytest.approx(320 - 110, abs=2)
    assert columns[box].max() == pytest.approx(320 - 90, abs=2)


def test_the_arrow_ends_where_the_car_is_a_second_later(frame: Frame) -> None:
    truth = as_truth(a_car(0, 10))
    moving = truth.boxes.copy()
    moving[0, 7:9] = 8.0, 0.0
    still = draw_bev(replace(bare(frame), boxes=truth), range_m=16, size_px=320)
    picture = draw_bev(
        replace(bare(frame), boxes=replace(truth, boxes=moving)), range_m=16, size_px=320
    )
    rows, columns = np.argwhere((still != picture).any(axis=2)).T
    assert rows.min() == pytest.approx(160 - (2 + 8) * 10, abs=2)
    assert columns.mean() == pytest.approx(160 - 10 * 10, abs=2)


def test_unknown_velocities_and_empty_frames_are_drawn(frame: Frame) -> None:
    assert np.isnan(frame.boxes.boxes).any()
    assert draw_bev(frame).shape == (680, 640, 3)
    assert draw_bev(bare(frame)).shape == (680, 640, 3)
    assert draw_cameras(bare(frame), width_px=300).shape[1] == 300


def test_map_classes_have_their_colours(frame: Frame, map_grid: Grid) -> None:
    """Row 30 of the map is y = -0.75 m, column 46 is x = 7.25 m; clear of the rings at 5 and 10
    m."""
    picture = draw_bev(bare(frame), map_grid=map_grid, range_m=16, size_px=320)
    colors = dict(MAP_COLORS)
    assert frame.map_masks is not None
    assert frame.map_masks[0, 30, 46]
    assert tuple(picture[160 - 73, 160 + 7]) == colors["drivable_area"]
    assert frame.map_masks[1, 43, 33]
    assert tuple(picture[160 - 8, 160 - 58]) == colors["ped_crossing"]


def test_predicted_map(frame: Frame, map_grid: Grid) -> None:
    probs = np.zeros((6, *map_grid.shape), np.float32)
    probs[2, :, 40:] = 0.9
    predictions = replace(a_car(0, 0), map_probs=probs)
    picture = draw_bev(
        bare(frame), predictions, map_grid=map_grid, predicted_map=True, range_m=16, size_px=320
    )
    assert tuple(picture[40, 220]) == dict(MAP_COLORS)["walkway"]
    assert tuple(picture[200, 220]) == (255, 255, 255)
    with pytest.raises(CalicoError, match="there are no predictions with map_probs"):
        draw_bev(frame, a_car(0, 0), map_grid=map_grid, predicted_map=True)
    with pytest.raises(CalicoError, match=r"map of \(64, 64\) cells, but map_grid has \(8, 8\)"):
        draw_bev(frame, map_grid=Grid(-4, 4, -4, 4, 1))
