"""Maps of hand-made features against cells that are counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from calico.data.sim.world import build_world
from calico.data.waymo.maps import DERIVED, MAP_CLASSES, WaymoMap, build_map
from calico.data.waymo.records import MapFeature
from calico.data.waymo.simulated.poses import vehicle_poses
from calico.data.waymo.simulated.streets import list_features
from calico.geometry.frames import from_yaw, yaw_of
from calico.geometry.grid import Grid
from calico.taxonomy import WAYMO
from tests.calico.data.waymo.v1.making import make_map

GRID = Grid(-30.0, 30.0, -30.0, 30.0, 0.5)
HERE = np.eye(4)


def feature(number: int, kind: str, *points: tuple[float, float], **values: object) -> MapFeature:
    rows = np.array([(x, y, 3.0) for x, y in points], np.float64).reshape(-1, 3)
    return MapFeature(number, kind, rows, **values)  # type: ignore[arg-type]


def lane(number: int = 1, y: float = 0.0, **values: object) -> MapFeature:
    """A lane from x = -20 to 20 m."""
    return feature(number, "lane", *((float(x), y) for x in range(-20, 21)), **values)


def rasterised(*features: MapFeature) -> dict[str, np.ndarray]:
    found = build_map(features)
    assert found is not None
    masks, known = found.masks(HERE, np.zeros(3), GRID, WAYMO)
    return dict(zip(WAYMO.map_names, masks, strict=True)) | {"known": known}


def in_box(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    """Cells whose centre is in a rectangle."""
    x, y = np.moveaxis(GRID.cell_centers(), -1, 0)
    return (x > x0) & (x < x1) & (y > y0) & (y < y1)


def drivable(found: WaymoMap) -> shapely.Geometry:
    shapes = found.areas.shapes["drivable_area"]
    return shapely.union_all([shapely.Polygon(one.rings[0], one.rings[1:]) for one in shapes])


def test_the_classes_are_those_of_the_taxonomy() -> None:
    assert set(WAYMO.map_names) == set(MAP_CLASSES) > set(DERIVED)


@pytest.mark.parametrize("features", [None, ()])
def test_without_features_the_map_is_unknown(features: tuple[MapFeature, ...] | None) -> None:
    assert build_map(features) is None


def test_areas_and_lines_lie_where_they_are() -> None:
    found = rasterised(
        feature(1, "crosswalk", (2, -5), (6, -5), (6, 5), (2, 5)),
        feature(2, "driveway", (-9, 3), (-5, 3), (-5, 8), (-9, 8)),
        feature(3, "road_line", (-10, 1), (10, 1), type=7),
        feature(4, "speed_bump", (12, 0), (14, 0), (14, 5)),
    )
    np.testing.assert_array_equal(found["ped_crossing"], in_box(2, -5, 6, 5))
    np.testing.assert_array_equal(found["driveway"], in_box(-9, 3, -5, 8))
    np.testing.assert_array_equal(found["divider"], in_box(-10, 0.5, 10, 1.5))
    assert not found["drivable_area"].any()
    assert not found["stop_line"].any()


def test_lanes_are_drivable() -> None:
    found = rasterised(
        lane(1, left=((0, 40, 2, 6),), right=((0, 40, 3, 0),)),
        feature(2, "road_line", (-20, 2), (20, 2)),
        feature(3, "road_edge", (-20, -2.5), (20, -2.5)),
        lane(4, 20.0),
    )
    expected = in_box(-20, -2.5, 20, 2) | in_box(-20, 18.2, 20, 21.8)
    np.testing.assert_array_equal(found["drivable_area"], expected)


def test_a_road_edge_ends_the_drivable_area() -> None:
    found = build_map([lane(), feature(2, "road_edge", (-30, -1), (30, -1))])
    assert found is not None
    area = drivable(found)
    assert area.bounds == pytest.approx((-20, -1, 20, 1.8), abs=0.01)
    assert area.area == pytest.approx(40 * 2.8, abs=0.2)


def test_an_edge_across_a_part_of_the_lane_leaves_the_rest() -> None:
    # An island from 0 to 4 m on the right of the lane, closed by its outline.
    outline = ((0.0, -3.0), (0.0, -1.0), (4.0, -1.0), (4.0, -3.0))
    found = build_map([lane(), feature(2, "road_edge", *outline, type=2)])
    assert found is not None
    assert drivable(found).area == pytest.approx(40 * 3.6 - 4 * 0.8, abs=0.05)


@pytest.mark.parametrize(("gap", "closed"), [(0.2, True), (0.5, False)])
def test_narrow_gaps_between_lanes_are_closed(gap: float, closed: bool) -> None:
    found = build_map([lane(1, 0.0), lane(2, 3.6 + gap)])
    assert found is not None
    assert drivable(found).covers(shapely.Point(0, 1.8 + gap / 2)) == closed
    assert drivable(found).area == pytest.approx(40 * (7.2 + gap * closed), abs=0.05)


def test_stop_lines_cross_the_lanes_of_a_sign() -> None:
    found = rasterised(
        lane(1),
        lane(2, 4.0),
        lane(3, 8.0),
        feature(5, "stop_sign", (10.5, -4), lanes=(1, 2, 77)),
        feature(6, "stop_sign", (0, -28), lanes=(1,)),
        feature(7, "stop_sign", lanes=(1,)),
    )
    expected = in_box(10, -1.8, 11, 1.8) | in_box(10, 2.2, 11, 5.8)
    np.testing.assert_array_equal(found["stop_line"], expected)


def test_the_map_is_known_beside_lanes() -> None:
    known = rasterised(lane())["known"]
    np.testing.assert_array_equal(known, in_box(-20, -20, 20, 20))


def test_nothing_is_marked_where_the_map_is_unknown() -> None:
    found = rasterised(
        feature(1, "road_line", (-20, 0), (20, 0)),
        feature(2, "crosswalk", (22, -2), (26, -2), (26, 2), (22, 2)),
    )
    np.testing.assert_array_equal(found["known"], in_box(-20, -20, 20, 20) | in_box(22, -2, 26, 2))
    for name in WAYMO.map_names:
        assert not (found[name] & ~found["known"]).any()


def test_points_are_moved_by_the_offset_of_the_frame() -> None:
    found = build_map([feature(1, "crosswalk", (102, 200), (106, 200), (106, 203), (102, 203))])
    assert found is not None
    offset = np.array([1.0, -2.0, 5.0])
    # At (99, 202) in the world the vehicle is at (100, 200) in the map, and looks along y there.
    pose = from_yaw(np.pi / 2, (99.0, 202.0, -7.0))
    masks, _ = found.masks(pose, offset, GRID, WAYMO)
    np.testing.assert_array_equal(masks[1], in_box(0, -6, 3, -2))


def test_a_curve_is_drawn_cell_by_cell() -> None:
    angle = np.linspace(0, np.pi, 100)
    curve = tuple(zip(15 * np.cos(angle), 15 * np.sin(angle), strict=True))
    mask = rasterised(feature(1, "lane", *curve, interpolating=True))["drivable_area"]
    x, y = np.moveaxis(GRID.cell_centers(), -1, 0)
    radius = np.hypot(x, y)
    inside = (np.abs(radius - 15) < 1.8) & (y > 0)
    near_border = (np.abs(np.abs(radius - 15) - 1.8) < 0.1) | (np.abs(y) < 0.1)
    np.testing.assert_array_equal(mask[~near_border], inside[~near_border])


@pytest.mark.parametrize("seed", range(20))
def test_any_features_make_the_same_map_twice(seed: int) -> None:
    pose = from_yaw(0.3, (1.0, 2.0, 3.0))
    results = []
    for _ in range(2):
        found = build_map(make_map(np.random.default_rng(seed)))
        assert found is not None
        results.append(found.masks(pose, np.zeros(3), GRID, WAYMO))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])
    assert results[0][0].any()


def test_features_without_extent_leave_no_mark() -> None:
    kinds = ("lane", "road_line", "road_edge", "crosswalk", "driveway")
    features = [
        feature(4 * index + count, kind, *((1.0, 1.0),) * count)
        for index, kind in enumerate(kinds)
        for count in range(4)
    ]
    found = rasterised(*features, feature(99, "stop_sign", (0, 0), lanes=(0, 1, 2, 3)))
    assert not any(mask.any() for mask in found.values())


@pytest.mark.parametrize("scene", range(4))
def test_the_streets_of_the_simulator(scene: int) -> None:
    """Its features as a map give the masks of its own ground; its lanes do not fill its streets."""
    world = build_world(0, "train", scene, 4)
    pose = vehicle_poses(world, np.array([0.05]))[0]
    level = from_yaw(yaw_of(pose), (pose[0, 3], pose[1, 3], 0.0))
    found = build_map(list_features(world.layout, np.array([100.0, 200.0, 3.0])))
    assert found is not None
    shifted = level.copy()
    shifted[:3, 3] += [99, 202, 3]
    masks, known = found.masks(shifted, np.array([1.0, -2.0, 0.0]), GRID, WAYMO)
    truth = world.ground.masks(GRID, level, WAYMO)
    by_name = dict(zip(WAYMO.map_names, zip(masks, truth & known, strict=True), strict=True))
    drivable, true_drivable = by_name["drivable_area"]
    assert (drivable & true_drivable).sum() > 0.99 * drivable.sum() > 0.5 * true_drivable.sum()
    for name in ("ped_crossing", "driveway"):
        mask, expected = by_name[name]
        assert (mask & expected).sum() >= 0.85 * (mask | expected).sum(), name
    divider, true_divider = by_name["divider"]
    assert (divider & true_divider).sum() > 0.99 * true_divider.sum()
