"""Pictures: what is painted where, read back from the pixels."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest

from calico.draw import cameras, draw_bev, draw_cameras
from calico.draw.bev import MAP_COLORS
from calico.draw.cameras import clip_segment, view_name, view_rows
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


@pytest.mark.parametrize(("width_px", "expected_px"), [(240, 8), (440, 10), (720, 12), (1440, 12)])
def test_letters_of_a_single_view_are_no_larger_than_of_one_of_six(
    frame: Frame, monkeypatch: pytest.MonkeyPatch, width_px: int, expected_px: float
) -> None:
    sizes: list[float] = []

    class Noted(cameras.Captions):
        def __init__(self, *arguments: Any, size_px: float, **more: Any) -> None:
            sizes.append(size_px)
            super().__init__(*arguments, size_px=size_px, **more)

    monkeypatch.setattr(cameras, "Captions", Noted)
    one = frame.replace(
        images=frame.images[:1],
        camera_K=frame.camera_K[:1],
        camera_T_lidar=frame.camera_T_lidar[:1],
        camera_time_s=frame.camera_time_s[:1],
    )
    draw_cameras(one, width_px=width_px)
    assert sizes == [expected_px]


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


def test_camera_overlay_falls_on_the_car(frame: Frame) -> None:
    """The car 10 m ahead: from u = 63.5 - 64 / 8 to 63.5 + 64 / 8 at its back, in a view of 64 x
    128 px shown twice as large."""
    picture = draw_cameras(replace(bare(frame), boxes=as_truth(a_car(10, 0))), width_px=516)
    assert picture.shape == (128, 516, 3)
    rows, columns = near(picture, CAR).T
    assert columns.min() == pytest.approx(2 * (64 - 8), abs=2)
    assert columns.max() == pytest.approx(2 * (64 + 8), abs=2)
    assert rows.max() == pytest.approx(2 * (32 + 64 * 1.75 / 8), abs=2)


def test_points_are_painted_in_their_view_only(frame: Frame) -> None:
    point = np.array([[10, 0, 0, 0.5, 0]], np.float32)
    one = np.zeros(1, np.int16)
    picture = draw_cameras(
        bare(frame).replace(points=point, ring=one, sweep_index=one), width_px=516, points=True
    )
    painted = np.argwhere((picture != draw_cameras(bare(frame), width_px=516)).any(axis=2))
    assert painted.tolist() == [[63, 127], [63, 128], [64, 127], [64, 128]]


def test_views_stand_as_they_look(frame: Frame) -> None:
    headings = np.deg2rad([0, -55, -110, 180, 110, 55])
    mounts = np.tile(np.eye(4), (6, 1, 1))
    mounts[:, 2, :3] = np.stack([np.cos(headings), np.sin(headings), np.zeros(6)], axis=1)
    images = frame.images[:1] * 6
    six = frame.replace(
        images=images,
        camera_T_lidar=mounts,
        camera_K=np.tile(np.eye(3), (6, 1, 1)),
        camera_time_s=np.zeros(6),
    )
    assert view_rows(six) == [[5, 0, 1], [4, 3, 2]]
    assert [view_name(float(heading)) for heading in headings] == [
        "front",
        "front right",
        "back right",
        "back",
        "back left",
        "front left",
    ]
    assert draw_cameras(six, width_px=600).shape[1] == 600


def test_no_cameras(frame: Frame) -> None:
    blind = frame.replace(
        images=(),
        camera_K=np.zeros((0, 3, 3)),
        camera_T_lidar=np.zeros((0, 4, 4)),
        camera_time_s=np.zeros(0),
    )
    with pytest.raises(
        CalicoError, match="frame hand-0: has no images, expected at least one camera"
    ):
        draw_cameras(blind)


@pytest.mark.parametrize(
    ("span", "expected"),
    [
        ([[10, 10, 1], [100, 60, 2]], [(10, 10), (50, 30)]),
        ([[10, 10, -1], [10, 10, -2]], None),
        ([[500, 10, 1], [600, 10, 1]], None),
        ([[10, 10, 1], [210, 10, 1]], [(10, 10), (127, 10)]),
        ([[50, 1e9, 1], [50, -1e9, 1]], [(50, 63), (50, 0)]),
        ([[0, 0, -1], [600, 300, 9]], [(127, 63.5 * 127 / 127), None]),
    ],
)
def test_segments_are_clipped(
    span: list[list[float]], expected: list[tuple[float, float] | None] | None
) -> None:
    got = clip_segment(np.array(span, float), (128, 64))
    if expected is None:
        assert got is None
        return
    assert got is not None
    for point, (u, v) in zip(expected, got, strict=True):
        assert 0 <= u <= 127
        assert 0 <= v <= 63
        if point is not None and expected[1] is not None:
            assert (u, v) == pytest.approx(point)


def test_a_segment_through_the_camera_plane_ends_at_the_near_plane() -> None:
    """From behind to 9 m ahead along a straight line: the visible part lies on the line's image."""
    start, end = np.array([-1.0, 0.5, -2]), np.array([1.0, 0.5, 6])
    intrinsics = np.array([[64.0, 0, 63.5], [0, 64.0, 31.5], [0, 0, 1]])
    got = clip_segment(np.stack([intrinsics @ start, intrinsics @ end]), (128, 64))
    assert got is not None
    on_line = start + (end - start) * np.linspace(0.3, 1, 5000)[:, None]
    image = on_line @ intrinsics.T
    image = image[:, :2] / image[:, 2:]
    for point in got:
        assert np.linalg.norm(image - point, axis=1).min() < 0.5
    assert got[0] == pytest.approx(image[-1]) or got[1] == pytest.approx(image[-1])


@pytest.mark.parametrize("column", range(9))
def test_a_box_of_senseless_size_or_place_is_not_drawn(column: int, frame: Frame) -> None:
    found = a_car(10, 0)
    found.boxes[0, column] = 3e38
    nothing = replace(found, scores=np.zeros(1, np.float32))
    for draw in (draw_cameras, partial(draw_bev, range_m=16)):
        assert np.array_equal(draw(bare(frame), found), draw(bare(frame), nothing))
