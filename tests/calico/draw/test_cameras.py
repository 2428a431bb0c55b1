"""Frames through their cameras."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from calico.draw import cameras, draw_cameras
from calico.draw.cameras import clip_segment, view_name, view_rows
from calico.draw.style import CLASS_COLORS
from calico.errors import CalicoError
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
