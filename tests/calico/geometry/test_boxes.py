"""Boxes: corners and yaw by hand, membership and overlap against shapely."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from calico.geometry.boxes import (
    bev_intersection,
    bev_iou,
    box_corners,
    iou_3d,
    points_in_boxes,
    transform_boxes,
)
from calico.geometry.frames import from_yaw, invert_transform


def box(
    x: float, y: float, length: float, width: float, yaw: float, z: float = 0.0, height: float = 1.0
) -> np.ndarray:
    return np.array([[x, y, z, length, width, height, yaw, 0, 0]])


def random_boxes(seed: int, count: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.uniform(
        [-4, -4, -1, 0.3, 0.3, 0.5, -np.pi, -3, -3], [4, 4, 1, 6, 3, 2, np.pi, 3, 3], (count, 9)
    )


def polygons(boxes: np.ndarray) -> list[shapely.Polygon]:
    """Footprints by shapely's own rotation."""
    result = []
    for x, y, _, length, width, _, yaw, *_ in boxes:
        straight = shapely.box(x - length / 2, y - width / 2, x + length / 2, y + width / 2)
        result.append(shapely.affinity.rotate(straight, yaw, origin=(x, y), use_radians=True))
    return result


def test_corners_of_a_straight_box() -> None:
    got = box_corners(box(10, 5, 4, 2, 0, z=1, height=1))[0]
    bottom = [
        [12, 6, 0.5],
        [12, 4, 0.5],
        [8, 4, 0.5],
        [8, 6, 0.5],
    ]  # front-left, front-right, back-right, back-left
    np.testing.assert_allclose(got[:4], bottom)
    np.testing.assert_allclose(got[4:], np.add(bottom, [0, 0, 1]))


def test_yaw_turns_counter_clockwise() -> None:
    """A quarter turn: the front looks left, to +y; its left side looks back, to -x."""
    np.testing.assert_allclose(
        box_corners(box(0, 0, 4, 2, np.pi / 2))[0, 0, :2], [-1, 2], atol=1e-12
    )


def test_membership_by_hand() -> None:
    boxes = box(2, 0, 4, 2, np.pi / 4)
    points = np.array(
        [[2 + 1.3, 1.3, 0], [2 + 1.3, -1.3, 0], [2, 0, 0.49], [2, 0, 0.51], [2 + 1.6, 1.6, 0]]
    )
    assert points_in_boxes(points, boxes).tolist() == [[True, False, True, False, False]]
    assert points_in_boxes(points, boxes, margin_m=0.3).tolist() == [
        [True, False, True, True, True]
    ]


def test_membership_against_shapely() -> None:
    boxes = random_boxes(1, 20)
    points = np.concatenate(
        [np.random.default_rng(2).uniform(-6, 6, (400, 2)), np.zeros((400, 1))], axis=1
    )
    flat = boxes.copy()
    flat[:, 2] = 0.0
    expected = np.array(
        [shapely.contains_xy(polygon, points[:, 0], points[:, 1]) for polygon in polygons(boxes)]
    )
    np.testing.assert_array_equal(points_in_boxes(points, flat), expected)


@pytest.mark.parametrize("seed", range(3))
def test_overlap_of_random_boxes_against_shapely(seed: int) -> None:
    a, b = random_boxes(seed, 30), random_boxes(seed + 100, 30)
    expected = np.array([[p.intersection(q).area for q in polygons(b)] for p in polygons(a)])
    union = np.array([[p.union(q).area for q in polygons(b)] for p in polygons(a)])
    assert (expected == 0).any()
    assert (expected > 0).mean() > 0.2
    np.testing.assert_allclose(bev_intersection(a, b), expected, atol=1e-9)
    np.testing.assert_allclose(bev_iou(a, b), expected / union, atol=1e-9)


@pytest.mark.parametrize("yaw", [0.0, 0.3, np.pi / 2, -2.0])
def test_overlap_of_special_pairs(yaw: float) -> None:
    one = box(3, -2, 4, 2, yaw)
    turn = from_yaw(yaw, (3.0, -2.0, 0.0))
    forward = transform_boxes(turn, box(4, 0, 4, 2, 0))  # touches the front edge
    ahead = transform_boxes(turn, box(9, 0, 4, 2, 0))
    inside = transform_boxes(turn, box(0.5, 0.2, 1, 0.5, 0))
    half = transform_boxes(turn, box(2, 0, 4, 2, 0))
    reversed_ = transform_boxes(turn, box(0, 0, 4, 2, np.pi))
    got = bev_intersection(one, np.concatenate([one, forward, ahead, inside, half, reversed_]))[0]
    np.testing.assert_allclose(got, [8, 0, 0, 0.5, 4, 8], atol=1e-6)
    assert bev_iou(one, one)[0, 0] == pytest.approx(1)
    assert bev_iou(one, half)[0, 0] == pytest.approx(4 / 12)


def test_overlap_far_from_the_origin() -> None:
    a = box(50_000, -30_000, 4, 2, 0.4)
    assert bev_iou(a, a)[0, 0] == pytest.approx(1, abs=1e-6)


def test_volumes_overlap_in_the_plane_and_in_height() -> None:
    one = np.array([[0.0, 0, 0, 4, 2, 2, 0.3, 0, 0]])
    raised, above = one.copy(), one.copy()
    raised[0, 2], above[0, 2] = 0.5, 3.0
    assert iou_3d(one, one)[0, 0] == pytest.approx(1)
    assert iou_3d(one, raised)[0, 0] == pytest.approx(1.5 / 2.5)
    assert iou_3d(one, above)[0, 0] == 0
    a, b = random_boxes(1, 5), random_boxes(2, 4)
    for i, j in np.ndindex(5, 4):
        low = max(a[i, 2] - a[i, 5] / 2, b[j, 2] - b[j, 5] / 2)
        high = min(a[i, 2] + a[i, 5] / 2, b[j, 2] + b[j, 5] / 2)
        shared = bev_intersection(a[[i]], b[[j]])[0, 0] * max(high - low, 0.0)
        union = a[i, 3:6].prod() + b[j, 3:6].prod() - shared
        assert iou_3d(a, b)[i, j] == pytest.approx(shared / union, abs=1e-6)
    assert iou_3d(np.zeros((0, 9)), b).shape == (0, 4)


def test_overlap_of_no_boxes() -> None:
    none = np.zeros((0, 9))
    assert bev_iou(none, random_boxes(0, 3)).shape == (0, 3)
    assert bev_iou(random_boxes(0, 3), none).shape == (3, 0)


def test_transform_moves_corners_and_turns_velocity() -> None:
    boxes = random_boxes(4, 12)
    a_T_b = from_yaw(2.9, (3.0, -1.0, 0.5))
    moved = transform_boxes(a_T_b, boxes)
    np.testing.assert_allclose(
        box_corners(moved), box_corners(boxes) @ a_T_b[:3, :3].T + a_T_b[:3, 3], atol=1e-9
    )
    ahead = boxes[:, 7:9] @ a_T_b[:2, :2].T
    np.testing.assert_allclose(moved[:, 7:9], ahead)
    assert (moved[:, 6] >= -np.pi).all()
    assert (moved[:, 6] < np.pi).all()
    back = transform_boxes(invert_transform(a_T_b), moved)
    np.testing.assert_allclose(np.delete(back, 6, axis=1), np.delete(boxes, 6, axis=1), atol=1e-9)
    np.testing.assert_allclose(np.exp(1j * back[:, 6]), np.exp(1j * boxes[:, 6]))


def test_transform_keeps_unknown_velocities_and_the_dtype() -> None:
    boxes = random_boxes(5, 3).astype(np.float32)
    boxes[1, 7:9] = np.nan
    moved = transform_boxes(from_yaw(1.0), boxes)
    assert moved.dtype == np.float32
    assert np.isnan(moved[:, 7:9]).all(axis=1).tolist() == [False, True, False]
