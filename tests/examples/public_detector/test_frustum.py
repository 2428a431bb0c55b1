"""Boxes in space from boxes in images, on frames that are built by hand."""

from __future__ import annotations

import numpy as np
import pytest

from examples.public_detector.detector import Detections
from examples.public_detector.frustum import (
    KINDS,
    Settings,
    estimate_ground,
    estimate_heading,
    find_largest_cluster,
    fit_box,
    locate_objects,
    place_side,
    select_points,
    suppress_near,
)

CAR, PERSON = 2, 0
NAMES = ["car", "pedestrian"]
# a camera at the LiDAR that looks along x: u = 500 - 500 y / x, v = 300 - 500 z / x
MATRIX = np.array([[500.0, -500, 0, 0], [300.0, 0, -500, 0], [1.0, 0, 0, 0], [0, 0, 0, 1.0]])


def make_ground() -> np.ndarray:
    x, y = np.meshgrid(np.arange(2, 60, 0.5), np.arange(-20, 20, 0.5))
    return np.stack([x.ravel(), y.ravel(), np.full(x.size, -1.8)], axis=1)


def make_car(x: float, y: float) -> np.ndarray:
    """Points on the back and the right side of a car that heads along x, its centre at x, y."""
    length, width, _ = KINDS[CAR].size
    across = np.linspace(-width / 2, width / 2, 15)
    along = np.linspace(-length / 2, length / 2, 40)
    heights = np.linspace(-1.3, -0.3, 6)
    back = [(x - length / 2, y + a, z) for a in across for z in heights]
    side = [(x + a, y - width / 2, z) for a in along for z in heights]
    return np.array(back + side)


def seen_box(points: np.ndarray) -> np.ndarray:
    u, v = 500 - 500 * points[:, 1] / points[:, 0], 300 - 500 * points[:, 2] / points[:, 0]
    return np.array([u.min() - 2, v.min() - 2, u.max() + 2, v.max() + 2])


def detect(*boxes: np.ndarray, label: int = CAR) -> Detections:
    count = len(boxes)
    scores = np.linspace(0.9, 0.5, count)
    return Detections(np.array(boxes).reshape(-1, 4), scores, np.full(count, label))


def test_a_car_before_a_wall_is_found_where_it_is() -> None:
    car = make_car(15.0, 4.0)
    wall = np.array([(30.0, y, z) for y in np.arange(-10, 10, 0.2) for z in np.arange(-1, 3, 0.2)])
    points = np.concatenate([make_ground(), car, wall])
    found = locate_objects([detect(seen_box(car))], points, MATRIX[None], NAMES, Settings())
    assert found["labels"].tolist() == [0]
    assert found["scores"] == pytest.approx([0.9])
    box = found["boxes"][0]
    assert box[:2] == pytest.approx([15.0, 4.0], abs=0.5)  # two sides turn the main direction
    assert box[2] == pytest.approx(-1.8 + KINDS[CAR].size[2] / 2)
    assert box[3:6] == pytest.approx(KINDS[CAR].size)
    assert abs(box[6]) < 0.3


def test_a_car_ahead_lies_half_its_length_behind_its_back() -> None:
    car = make_car(15.0, 0.0)
    car = car[car[:, 0] == car[:, 0].min()]
    points = np.concatenate([make_ground(), car])
    found = locate_objects([detect(seen_box(car))], points, MATRIX[None], NAMES, Settings())
    assert found["boxes"][0, :2] == pytest.approx([15.0, 0.0], abs=0.02)
    assert found["boxes"][0, 6] == pytest.approx(0.0, abs=1e-4)


def test_classes_that_are_not_asked_for_and_frustums_without_points_give_no_box() -> None:
    car = make_car(15.0, 4.0)
    points = np.concatenate([make_ground(), car])
    box = seen_box(car)
    assert (
        len(locate_objects([detect(box)], points, MATRIX[None], ["bus"], Settings())["boxes"]) == 0
    )
    sky = detect(np.array([400.0, 10, 600, 100]))
    assert len(locate_objects([sky], points, MATRIX[None], NAMES, Settings())["boxes"]) == 0
    nothing = locate_objects([detect(box)], np.zeros((0, 3)), MATRIX[None], NAMES, Settings())
    assert nothing["boxes"].shape == (0, 7)


def test_two_views_of_one_car_give_one_box() -> None:
    car = make_car(15.0, 4.0)
    points = np.concatenate([make_ground(), car])
    view = detect(seen_box(car))
    both = locate_objects([view, view], points, np.stack([MATRIX] * 2), NAMES, Settings())
    assert len(both["boxes"]) == 1


def test_points_behind_the_camera_are_not_seen() -> None:
    car = make_car(15.0, 4.0)
    mirrored = car * [-1, -1, 1]  # has the same u, and depth below 0
    points = np.concatenate([make_ground(), mirrored])
    found = locate_objects([detect(seen_box(car))], points, MATRIX[None], NAMES, Settings())
    assert len(found["boxes"]) == 0


def test_the_ground_is_the_lowest_point_around() -> None:
    points = np.array([[0.5, 0.5, -1.7], [1.0, 1.0, 2.0], [5.0, 1.0, -1.9], [40.0, 0, 3.0]])
    assert estimate_ground(points).tolist() == [-1.9, -1.9, -1.9, 3.0]


def test_the_middle_of_a_box_gives_the_distance() -> None:
    box = np.array([0.0, 0, 100, 100])
    pixels = np.array([[50.0, 50], [60, 50], [40, 50], [5, 5], [95, 95], [200, 50]])
    depth = np.array([10.0, 10.5, 30.0, 9.5, 14.0, 10.0])
    # the middle holds the first three; their quantile 0.4 is 10.4; 9.4 to 15 belong to a car
    rows = select_points(pixels, depth, box, KINDS[CAR], Settings())
    assert rows.tolist() == [0, 1, 3, 4]
    assert len(select_points(pixels[3:], depth[3:], box, KINDS[CAR], Settings())) == 0


def test_the_largest_group_of_points_is_the_object() -> None:
    xy = np.array([[0.0, 0], [0.4, 0.1], [0.9, 0.2], [9.0, 9.0], [9.1, 9.0]])
    assert find_largest_cluster(xy, 0.5).tolist() == [0, 1, 2]


@pytest.mark.parametrize("yaw", [-1.2, 0.0, 0.7, 1.5])
def test_the_heading_is_along_a_side_and_across_a_back(yaw: float) -> None:
    turn = np.array([[np.cos(yaw), np.sin(yaw)], [-np.sin(yaw), np.cos(yaw)]])
    side = np.stack([np.linspace(-2, 2, 50), np.zeros(50)], axis=1) @ turn
    back = np.stack([np.zeros(50), np.linspace(-0.9, 0.9, 50)], axis=1) @ turn
    for points in (side, back):
        error = estimate_heading(points + np.array([20.0, 3.0]), KINDS[CAR]) - yaw
        assert (error + np.pi / 2) % np.pi - np.pi / 2 == pytest.approx(0.0, abs=1e-6)


def test_the_box_lies_behind_the_visible_side() -> None:
    assert place_side(10.0, 10.2, 4.6) == pytest.approx(12.3)
    assert place_side(-10.2, -10.0, 4.6) == pytest.approx(-12.3)
    assert place_side(-0.5, 1.0, 1.95) == pytest.approx(0.25)
    assert place_side(10.0, 16.0, 4.6) == pytest.approx(13.0)
    back = np.stack([np.full(50, 10.0), np.linspace(-0.9, 0.9, 50), np.zeros(50)], axis=1)
    box = fit_box(back, -1.8, KINDS[CAR])
    assert box[:3] == pytest.approx([12.3, 0.0, -0.95], abs=0.05)


def test_near_objects_of_a_class_are_one() -> None:
    size = KINDS[CAR].size
    boxes = np.array([[x, 0, 0, *size, 0] for x in (0.0, 2.0, 10.0)])  # 1.2 widths are 2.34 m
    kept = suppress_near(boxes, np.array([0.4, 0.8, 0.6]), np.array([0, 0, 0]), 1.2)
    assert kept["boxes"][:, 0].tolist() == [2.0, 10.0]
    assert kept["scores"] == pytest.approx([0.8, 0.6])
    kept = suppress_near(boxes, np.array([0.4, 0.8, 0.6]), np.array([1, 0, 0]), 1.2)
    assert len(kept["boxes"]) == 3


def test_at_most_500_boxes_are_answered() -> None:
    size = KINDS[PERSON].size
    boxes = np.array([[5.0 * i, 0, 0, *size, 0] for i in range(510)])
    kept = suppress_near(boxes, np.linspace(0, 1, 510), np.zeros(510, np.int64), 1.2)
    assert len(kept["boxes"]) == 500
    assert kept["scores"].min() > 0.01
