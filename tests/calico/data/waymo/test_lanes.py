"""Areas of lanes against lengths and areas that are computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from calico.data.waymo.lanes import CentreLine, build_lane_area, build_stop_line, measure_lane
from calico.data.waymo.records import MapFeature

Boundaries = tuple[tuple[int, int, int, int], ...]
LEFT, RIGHT, FAR = 2, 3, 4
LINES = {
    LEFT: shapely.LineString([(-5, 2), (25, 2)]),
    RIGHT: shapely.LineString([(-5, -1.5), (25, -1.5)]),
    FAR: shapely.LineString([(-5, 9), (25, 9)]),
}


def straight(left: Boundaries = (), right: Boundaries = ()) -> MapFeature:
    """A lane of 41 points along x, from 0 to 20 m."""
    x = np.linspace(0, 20, 41)
    points = np.stack([x, np.zeros(41), np.full(41, 7.0)], axis=1)
    return MapFeature(1, "lane", points, left=left, right=right)


def measured(lane: MapFeature) -> CentreLine:
    found = measure_lane(lane, LINES)
    assert found is not None
    return found


def test_a_lane_reaches_from_boundary_to_boundary() -> None:
    area = build_lane_area(measured(straight(((0, 40, LEFT, 1),), ((0, 40, RIGHT, 0),))))
    assert area.bounds == pytest.approx((0, -1.5, 20, 2))
    assert area.area == pytest.approx(20 * 3.5)


def test_a_lane_without_boundaries_has_the_usual_width() -> None:
    area = build_lane_area(measured(straight()))
    assert area.bounds == pytest.approx((0, -1.8, 20, 1.8))
    assert area.area == pytest.approx(20 * 3.6)


@pytest.mark.parametrize("number", [99, FAR])
def test_boundaries_that_are_missing_or_too_far_do_not_count(number: int) -> None:
    area = build_lane_area(measured(straight(((0, 40, number, 1),))))
    assert area.area == pytest.approx(20 * 3.6)


def test_a_boundary_holds_for_its_points_only() -> None:
    # 2.0 m to the left up to point 20, at 10 m; 1.8 m from the next used point on, at 12 m.
    found = measured(straight(((0, 20, LEFT, 1),)))
    assert found.points[:, 0].tolist() == [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20]
    assert found.left == pytest.approx([2.0] * 6 + [1.8] * 5)
    assert found.right == pytest.approx([1.8] * 11)
    # 20 m of 3.6 m, and on the left 10 m of 0.2 m more and 2 m of half as much.
    assert build_lane_area(found).area == pytest.approx(20 * 3.6 + 10 * 0.2 + 2 * 0.1)


def test_ends_of_boundaries_are_used_even_between_two_steps() -> None:
    found = measured(straight(((5, 7, LEFT, 1), (7, 7, 99, 1))))
    assert found.points[:4, 0].tolist() == [0, 2, 2.5, 3.5]
    assert found.left[:5] == pytest.approx([1.8, 1.8, 2.0, 2.0, 1.8])


def test_of_two_boundaries_the_nearer_one_counts() -> None:
    found = measured(straight(((0, 40, LEFT, 1), (0, 40, RIGHT, 1))))
    assert found.left == pytest.approx([1.5] * 11)


@pytest.mark.parametrize("boundary", [(-7, 500, LEFT, 1), (0, 2**31 - 1, LEFT, 1)])
def test_indices_beyond_the_lane_are_cut(boundary: tuple[int, int, int, int]) -> None:
    assert measured(straight((boundary,))).left == pytest.approx([2.0] * 11)


def test_a_boundary_that_ends_before_it_begins_has_no_points() -> None:
    assert set(measured(straight(((30, 10, LEFT, 1),))).left) == {1.8}


def test_a_curve_is_a_part_of_a_ring() -> None:
    angle = np.linspace(0, np.pi / 2, 33)
    points = np.stack([10 * np.cos(angle), 10 * np.sin(angle), 0 * angle], axis=1)
    area = build_lane_area(measured(MapFeature(1, "lane", points)))
    assert area.area == pytest.approx(np.pi / 4 * (11.8**2 - 8.2**2), rel=0.02)
    assert area.is_valid


@pytest.mark.parametrize("radius", [4.0, 1.0])
def test_a_hairpin_is_two_straights_and_half_a_ring(radius: float) -> None:
    angle = np.linspace(0, np.pi, 100)
    turn = radius * np.stack([np.sin(angle), np.cos(angle), 0 * angle], axis=1)
    points = np.concatenate([[[-20.0, radius, 0]], turn, [[-20.0, -radius, 0]]])
    area = build_lane_area(measured(MapFeature(1, "lane", points)))
    assert area.is_valid
    outer, inner = radius + 1.8, max(radius - 1.8, 0.0)
    expected = 20 * 2 * (outer - inner) + np.pi / 2 * (outer**2 - inner**2)
    assert area.area == pytest.approx(expected, rel=0.03)
    assert area.covers(shapely.Point(-5, 0)) == (radius < 1.8)


def test_there_and_back_on_the_same_line_is_a_valid_area() -> None:
    points = np.array([[0.0, 0, 0], [10, 0, 0], [0, 0, 0]])
    area = build_lane_area(measured(MapFeature(1, "lane", points, right=((1, 1, 0, 0),))))
    assert area.is_valid
    assert area.area > 10


@pytest.mark.parametrize("count", [0, 1, 3])
def test_lanes_without_extent_are_none(count: int) -> None:
    lane = MapFeature(1, "lane", np.ones((count, 3)), left=((0, 1, LEFT, 1),))
    assert measure_lane(lane, LINES) is None


@pytest.mark.parametrize(
    ("sign", "at"),
    [((18.0, 5.0), 18.0), ((17.3, -4.0), 17.3), ((25.0, 3.0), 20.0), ((-9.0, 0.0), 0.0)],
)
def test_a_stop_line_crosses_the_lane_next_to_the_sign(
    sign: tuple[float, float], at: float
) -> None:
    lane = measured(straight(((0, 40, LEFT, 1),), ((0, 40, RIGHT, 0),)))
    line = build_stop_line(lane, np.array(sign))
    np.testing.assert_allclose(line, [[at, 2.0], [at, -1.5]], atol=1e-12)
