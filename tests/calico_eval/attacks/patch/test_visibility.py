"""Projection of a rectangle, against every pixel's ray met with its plane, one by one."""

from __future__ import annotations

import numpy as np
import pytest

from calico.data.source import FrameSource
from calico.frame import Boxes, Frame
from calico_eval.attacks.patch.visibility import NEAR_M, SUBPIXELS, box_pixels, find_visible_pixels

BOARD = np.array([[6.0, 3.5, 0.5], [6.5, 1.2, 0.4], [6.5, 1.2, -1.2], [6.0, 3.5, -1.1]])
"""A board that two views of the street see: tilted, turned."""


def slow_place(
    frame: Frame, view: int, corners: np.ndarray, u: float, v: float
) -> tuple[float, float, float]:
    """s, t and depth where the ray through (u, v) meets the plane: origin + depth ray = corner + s
    right + t down."""
    lidar_T_camera = np.linalg.inv(frame.camera_T_lidar[view])
    ray = lidar_T_camera[:3, :3] @ np.linalg.inv(frame.camera_K[view]) @ [u, v, 1.0]
    columns = np.stack([corners[1] - corners[0], corners[3] - corners[0], -ray], axis=1)
    s, t, depth = np.linalg.solve(columns, lidar_T_camera[:3, 3] - corners[0])
    return float(s), float(t), float(depth)


@pytest.fixture(scope="module")
def empty(street: FrameSource) -> Frame:
    """A street without anything that could hide a board."""
    frame = street[1]
    none = np.zeros(0, np.int16)
    return frame.replace(
        boxes=Boxes.empty(), points=np.zeros((0, 5), np.float32), ring=none, sweep_index=none
    )


@pytest.mark.parametrize("view", [0, 5])
def test_pixels_and_places_are_those_of_the_rays(empty: Frame, view: int) -> None:
    found = find_visible_pixels(empty, view, BOARD)
    places = dict(
        zip(
            zip(found.rows.tolist(), found.columns.tolist(), strict=True), found.places, strict=True
        )
    )
    height, width = empty.images[view].shape[:2]
    count = 0
    for row in range(height):
        for column in range(width):
            s, t, depth = slow_place(empty, view, BOARD, column, row)
            inside = 0 <= s <= 1 and 0 <= t <= 1 and depth > NEAR_M
            assert inside == ((row, column) in places)
            count += inside
            if inside:
                spots = [
                    slow_place(empty, view, BOARD, column + x, row + y)[:2] for x, y in SUBPIXELS
                ]
                assert np.allclose(places[row, column], np.clip(spots, 0, 1), atol=1e-9)
    assert count > 20


def test_the_back_of_a_board_is_not_drawn(empty: Frame) -> None:
    assert len(find_visible_pixels(empty, 0, BOARD)) > 20
    assert len(find_visible_pixels(empty, 0, BOARD[[1, 0, 3, 2]])) == 0


def test_a_board_that_reaches_behind_the_camera_is_drawn_where_it_is_ahead(empty: Frame) -> None:
    lying = np.array([[6.0, 2.0, -1.8], [6.0, -2.0, -1.8], [-4.0, -2.0, -1.8], [-4.0, 2.0, -1.8]])
    found = find_visible_pixels(empty, 0, lying)
    depths = [
        slow_place(empty, 0, lying, u, v)[2] for u, v in zip(found.columns, found.rows, strict=True)
    ]
    assert len(found) > 100
    assert min(depths) > NEAR_M
    assert found.rows.max() == empty.images[0].shape[0] - 1


def test_a_nearer_box_hides_a_farther_one_does_not(empty: Frame) -> None:
    def with_box(x: float) -> Frame:
        box = np.array([[x, 2.2, -0.4, 1.0, 1.0, 4.0, 0.0, 0.0, 0.0]], np.float32)
        return empty.replace(
            boxes=Boxes(box, np.zeros(1, np.int64), np.zeros(1, np.int64), np.ones(1, np.int64))
        )

    free = len(find_visible_pixels(empty, 0, BOARD))
    assert len(find_visible_pixels(with_box(9.0), 0, BOARD)) == free
    covered = find_visible_pixels(with_box(4.0), 0, BOARD)
    assert 0 < len(covered) < free
    assert len(find_visible_pixels(with_box(4.0), 0, BOARD, own=0)) == free
    assert len(find_visible_pixels(with_box(4.0), 0, BOARD, hidden=False)) == free


def test_a_nearer_return_of_the_keyframe_hides_the_pixels_about_it(empty: Frame) -> None:
    def with_point(distance: float, sweep: int = 0) -> Frame:
        middle = BOARD.mean(axis=0)
        xyz = np.linalg.inv(empty.camera_T_lidar[0])[:3, 3]
        xyz = xyz + (middle - xyz) * distance / np.linalg.norm(middle - xyz)
        points = np.array([[*xyz, 0.5, 0.0]], np.float32)
        index = np.array([sweep], np.int16)
        return empty.replace(
            points=points, ring=index, sweep_index=index, sweep_T=np.tile(np.eye(4), (2, 1, 1))
        )

    free = find_visible_pixels(empty, 0, BOARD)
    hidden = find_visible_pixels(with_point(2.0), 0, BOARD)
    assert 1 <= len(free) - len(hidden) <= 25  # f = 45.7 px: 0.1 m at 2 m are 2.3 px to each side
    for frame in (with_point(6.4), with_point(9.0), with_point(2.0, sweep=1)):
        assert len(find_visible_pixels(frame, 0, BOARD)) == len(free)


def test_uneven_ground_does_not_hide_a_lying_board(empty: Frame) -> None:
    """At a grazing angle ground that is 15 cm higher is much nearer along the ray; a thing of 60 cm
    does hide it."""
    lying = np.array([[11.0, 1.0, -1.8], [11.0, -1.0, -1.8], [9.0, -1.0, -1.8], [9.0, 1.0, -1.8]])
    grid = np.stack(
        np.meshgrid(np.arange(5.0, 10.5, 0.1), np.arange(-1.0, 1.01, 0.1)), axis=-1
    ).reshape(-1, 2)

    def with_ground(height: float) -> Frame:
        rest = np.full(len(grid), 0.0)
        points = np.column_stack([grid, rest - 1.8 + height, rest, rest]).astype(np.float32)
        index = np.zeros(len(points), np.int16)
        return empty.replace(points=points, ring=index, sweep_index=index)

    free = len(find_visible_pixels(empty, 0, lying))
    assert free > 5
    assert len(find_visible_pixels(with_ground(0.15), 0, lying)) == free
    assert len(find_visible_pixels(with_ground(0.6), 0, lying)) < free / 2


def test_box_pixels_are_counted_by_rays_that_meet_a_side(empty: Frame) -> None:
    box = np.array([7.0, 1.0, -0.9, 4.0, 2.0, 1.8, 0.4, 0.0, 0.0])
    lidar_T_camera = np.linalg.inv(empty.camera_T_lidar[0])
    count = 0
    c, s = np.cos(0.4), np.sin(0.4)
    turn = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    for row in range(32):
        for column in range(64):
            ray = lidar_T_camera[:3, :3] @ np.linalg.inv(empty.camera_K[0]) @ [column, row, 1.0]
            steps = lidar_T_camera[:3, 3] + np.linspace(0.5, 14.0, 2000)[:, None] * ray
            local = abs((steps - box[:3]) @ turn.T) <= box[3:6] / 2
            count += bool(local.all(axis=1).any())
    assert count > 50
    assert (
        abs(box_pixels(empty, 0, box) - count) <= 2
    )  # the slow one steps by 7 mm and may miss a corner
