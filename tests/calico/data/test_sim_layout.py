"""Paths, streets and the ground's map."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from calico.data.sim.layout import KINDS, Kind, build_layout
from calico.data.sim.map_raster import BIT, KERB_M, list_areas, rasterise_layout
from calico.data.sim.paths import Path, bend_path
from calico.geometry.frames import from_yaw
from calico.geometry.grid import Grid
from calico.taxonomy import NUSCENES


def test_path_stations_and_headings() -> None:
    path = Path.of([[0, 0], [10, 0], [10, 5]])
    xy, yaw = path.at([3.0, 12.0, -2.0, 20.0])
    np.testing.assert_allclose(xy, [[3, 0], [10, 2], [-2, 0], [10, 10]])
    np.testing.assert_allclose(yaw, [0, np.pi / 2, 0, np.pi / 2])
    assert path.length == 15
    assert path.project([4.0, 3.0]) == 4.0
    np.testing.assert_allclose(path.reversed().at(5.0)[0], [10, 0])
    np.testing.assert_allclose(path.beside(2.0, 1.5), [2, 1.5, 0])


def test_circle_offset_and_strip() -> None:
    """A quarter circle of radius 50: the line 2 m inside is shorter by the angle times 2 m."""
    circle = bend_path((0.0, 0.0), 0.0, np.full(79, 1 / 50))
    inside = circle.offset(2.0)
    assert inside.length == pytest.approx(circle.length - 2.0 * 79 / 50, abs=0.1)
    assert circle.strip(0, circle.length, -1.0, 1.0).area == pytest.approx(
        2 * circle.length, rel=0.01
    )


@pytest.mark.parametrize("kind", KINDS)
def test_streets_are_sound(kind: Kind) -> None:
    for seed in range(6):
        layout = build_layout(np.random.default_rng(seed), kind, 220.0, 120.0)
        assert len(layout.roads) == (2 if kind in ("t_junction", "crossroads") else 1)
        assert (
            len(layout.crossings)
            == {"straight": 1, "curved": 1, "t_junction": 3, "crossroads": 4}[kind]
        )
        assert layout.drivable.geom_type == "Polygon"
        assert layout.drivable.intersection(layout.walkway).area < 0.1
        assert layout.drivable.intersection(layout.carpark).area < 0.1
        for lane in layout.lanes:
            line = shapely.LineString(lane.path.xy)
            assert line.difference(layout.drivable.buffer(0.3)).length < 2.0
        for crossing in layout.crossings:
            road = layout.roads[crossing.road]
            middle = road.center.at((crossing.start + crossing.stop) / 2)[0]
            assert layout.drivable.contains(shapely.Point(middle))


def test_map_bits_agree_with_the_polygons() -> None:
    layout = build_layout(np.random.default_rng(3), "crossroads", 220.0, 120.0)
    ground, polygons = rasterise_layout(layout), list_areas(layout)
    rng = np.random.default_rng(0)
    xy = layout.roads[0].center.at(rng.uniform(60, 170, 4000))[0] + rng.normal(0, 12, (4000, 2))
    bits = ground.lookup(xy)
    for name, geometry in polygons.items():
        truth = shapely.contains_xy(geometry, xy)
        clear = shapely.distance(shapely.boundary(geometry), shapely.points(xy)) > 0.15
        assert (((bits & BIT[name]) > 0) == truth)[clear].all(), name
    assert (
        (ground.height(xy) == 0) == ((bits & (BIT["drivable_area"] | BIT["carpark_area"])) > 0)
    ).all()
    assert set(np.unique(ground.height(xy))) == {np.float32(0.0), np.float32(KERB_M)}


def test_masks_turn_with_the_sensor() -> None:
    """With the sensor turned to the left by 90 degrees, what was left (row) is ahead (column): b[y, x] = a[x, -y]."""
    layout = build_layout(np.random.default_rng(1), "straight", 220.0, 120.0)
    ground, grid = rasterise_layout(layout), Grid(-20, 20, -20, 20, 0.5)
    straight = ground.masks(grid, from_yaw(0.0, (110.0, 0.0, 1.84)), NUSCENES)
    turned = ground.masks(grid, from_yaw(np.pi / 2, (110.0, 0.0, 1.84)), NUSCENES)
    assert (np.rot90(straight, 1, axes=(1, 2)) == turned).mean() > 0.99
    assert straight[NUSCENES.map_names.index("drivable_area")].any()


def test_dividers_are_as_wide_as_a_cell() -> None:
    layout = build_layout(np.random.default_rng(1), "straight", 220.0, 120.0)
    divider = list_areas(layout)["divider"]
    for part in shapely.get_parts(divider):
        if part.geom_type == "Polygon" and part.length > 20:
            assert part.area / (part.length / 2) == pytest.approx(0.6, abs=0.08)


def test_outside_the_map_nothing_is_known() -> None:
    ground = rasterise_layout(build_layout(np.random.default_rng(1), "straight", 220.0, 120.0))
    assert ground.lookup(np.array([[-5000.0, 0.0], [0.0, 1e5]])).tolist() == [0, 0]
