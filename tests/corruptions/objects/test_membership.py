import runpy
from pathlib import Path

import numpy as np
import pytest

from calico.frame import Frame
from calico.geometry.boxes import points_in_boxes as all_points_in_boxes
from corruptions.objects.membership import from_local, points_in_boxes, to_local

owners = runpy.run_path(str(Path(__file__).with_name("conftest.py")))["owners"]


def as_owner(members: tuple[np.ndarray, ...], n: int) -> np.ndarray:
    owner = np.full(n, -1)
    for index, rows in enumerate(members):
        assert (np.diff(rows) > 0).all()
        assert (owner[rows] == -1).all()
        owner[rows] = index
    return owner


def box(
    x: float = 0, y: float = 0, z: float = 0, yaw: float = 0, vx: float = 0, vy: float = 0
) -> list[float]:
    return [x, y, z, 4, 2, 1, yaw, vx, vy]


def at(*positions: tuple[float, float, float], age: float = 0.0) -> np.ndarray:
    return np.array([[*p, 0.5, age] for p in positions], np.float32)


def test_against_one_point_after_the_other(crowd: Frame, owner: np.ndarray) -> None:
    found = points_in_boxes(crowd.points, crowd.boxes.boxes, 0.01)
    assert np.array_equal(as_owner(found, len(crowd.points)), owner)
    assert len(np.unique(owner)) == 31


def test_overlapping_boxes_share_nothing_and_the_first_wins(crowd: Frame) -> None:
    rng = np.random.default_rng(0)
    boxes = np.column_stack(
        [
            rng.uniform(-6, 6, (12, 3)),
            rng.uniform(1, 9, (12, 3)),
            rng.uniform(-4, 4, 12),
            rng.normal(0, 9, (12, 2)),
        ]
    ).astype(np.float32)
    points = np.column_stack(
        [rng.uniform(-9, 9, (1500, 3)), rng.random((1500, 1)), rng.choice([0, 0.05, 0.1], 1500)]
    )
    points = points.astype(np.float32)
    found = as_owner(points_in_boxes(points, boxes), len(points))
    assert np.array_equal(found, owners(points, boxes))
    standing = boxes.copy()
    standing[:, 7:] = 0
    inside = all_points_in_boxes(points, standing)
    assert (inside.sum(axis=0) > 1).any()
    assert np.array_equal(
        as_owner(points_in_boxes(points, standing), len(points)),
        np.where(inside.any(axis=0), inside.argmax(axis=0), -1),
    )


def test_faces_and_corners_belong_to_the_box_and_no_more() -> None:
    on = at(
        (2, 0, 0),
        (-2, 0, 0),
        (0, 1, 0),
        (0, -1, 0),
        (0, 0, 0.5),
        (0, 0, -0.5),
        (2, 1, 0.5),
        (-2, -1, -0.5),
    )
    off = np.nextafter(on[:, :3], 3 * on[:, :3])
    boxes = np.array([box()], np.float32)
    assert len(points_in_boxes(on, boxes)[0]) == 8
    assert len(points_in_boxes(np.column_stack([off, on[:, 3:]]), boxes)[0]) == 0
    turned = np.array([box(yaw=np.pi / 2)], np.float32)
    assert list(
        points_in_boxes(at((0, 1.99, 0), (0, 2.01, 0), (0.99, 0, 0), (1.01, 0, 0)), turned)[0]
    ) == [0, 2]


def test_far_away_the_prefilter_loses_nothing() -> None:
    rng = np.random.default_rng(1)
    for centre in (150.0, 1900.0):
        boxes = np.array([box(centre, -centre, 0, 0.7, 11, -7)], np.float32)
        points = np.column_stack([rng.uniform(-2.3, 2.3, (4000, 3)), rng.random((4000, 2))]).astype(
            np.float32
        )
        points[:, :2] += boxes[0, :2] - boxes[0, 7:] * points[:, 4:]
        assert np.array_equal(as_owner(points_in_boxes(points, boxes), 4000), owners(points, boxes))


def test_older_points_follow_the_object() -> None:
    boxes = np.array([box(vx=10), box(20, vx=np.nan, vy=5)], np.float32)
    assert list(points_in_boxes(at((0, 0, 0), (-4, 0, 0), age=0.5), boxes)[0]) == [1]
    assert list(points_in_boxes(at((20, 0, 0), (20, -2.5, 0), age=0.5), boxes)[1]) == [0]


def test_margin() -> None:
    boxes = np.array([box()], np.float32)
    points = at((2.09, 0, 0), (2.11, 0, 0), (0, 1.09, 0.59), (0, 1.09, 0.61))
    assert list(points_in_boxes(points, boxes, 0.1)[0]) == [0, 2]


def test_nothing_to_find() -> None:
    assert points_in_boxes(at((0, 0, 0)), np.zeros((0, 9), np.float32)) == ()
    assert [
        len(rows)
        for rows in points_in_boxes(
            np.zeros((0, 5), np.float32), np.array([box(), box(5)], np.float32)
        )
    ] == [
        0,
        0,
    ]


def test_there_and_back(crowd: Frame, owner: np.ndarray) -> None:
    rows = np.flatnonzero(owner >= 0)
    boxes = crowd.boxes.boxes[owner[rows]].astype(np.float64)
    local = to_local(crowd.points[rows], boxes)
    assert from_local(local, crowd.points[rows, 4], boxes) == pytest.approx(
        crowd.points[rows, :3], abs=1e-5
    )
    assert (abs(local) <= boxes[:, 3:6] / 2 + 0.01 + 1e-9).all()
