from __future__ import annotations

import numpy as np
import pytest
import shapely

from calico.data.sim.layout import KINDS, Kind, Layout, build_layout
from calico.data.waymo.records import MapFeature
from calico.data.waymo.simulated.streets import list_features

SHIFT = np.array([100.0, -50.0, 5.0])


def layout_of(kind: Kind) -> Layout:
    return build_layout(np.random.default_rng(4), kind, 200.0, 100.0)


def of_kind(features: tuple[MapFeature, ...], kind: str) -> list[MapFeature]:
    return [one for one in features if one.kind == kind]


@pytest.mark.parametrize("kind", KINDS)
def test_features_have_ids_of_their_own_and_are_shifted(kind: Kind) -> None:
    layout = layout_of(kind)
    plain, shifted = list_features(layout, np.zeros(3)), list_features(layout, SHIFT)
    assert len({one.id for one in plain}) == len(plain)
    for a, b in zip(plain, shifted, strict=True):
        assert a.points + SHIFT == pytest.approx(b.points)
        assert (a.id, a.kind) == (b.id, b.kind)


@pytest.mark.parametrize("kind", KINDS)
def test_lanes_keep_to_the_road_and_their_boundaries_exist(kind: Kind) -> None:
    layout = layout_of(kind)
    features = list_features(layout, np.zeros(3))
    lanes = of_kind(features, "lane")
    assert len(lanes) >= len(layout.lanes)
    known = {one.id: one for one in features}
    for lane in lanes:
        line = shapely.LineString(lane.points[:, :2])
        assert line.difference(layout.drivable.buffer(0.01)).length < 0.02 * line.length + 0.1
        for (first, last, bound, of_type), side in (
            *((one, 1) for one in lane.left),
            *((one, -1) for one in lane.right),
        ):
            assert (first, last) == (0, len(lane.points) - 1)
            assert known[bound].kind == "road_line"
            assert known[bound].type == of_type
            middle = lane.points[len(lane.points) // 2, :2]
            ahead = lane.points[len(lane.points) // 2 + 1, :2] - middle
            edge = shapely.LineString(known[bound].points[:, :2])
            foot = np.array(edge.interpolate(edge.project(shapely.Point(middle))).coords[0])
            across = foot - middle
            assert side * (ahead[0] * across[1] - ahead[1] * across[0]) > 0
            assert np.linalg.norm(across) == pytest.approx(layout.roads[0].lane_m / 2, abs=0.3)
    if kind in ("straight", "curved"):
        assert not any(lane.interpolating for lane in lanes)
    else:
        joins = [lane for lane in lanes if lane.interpolating]
        assert joins
        assert not any(lane.left or lane.right for lane in joins)


@pytest.mark.parametrize("kind", KINDS)
def test_road_edges_enclose_the_drivable_area(kind: Kind) -> None:
    layout = layout_of(kind)
    edges = of_kind(list_features(layout, np.zeros(3)), "road_edge")
    enclosed = shapely.unary_union(
        shapely.polygonize([shapely.LineString(one.points[:, :2]) for one in edges])
    )
    outline = shapely.union_all([shapely.Polygon(p.exterior) for p in _parts(layout.drivable)])
    assert enclosed.symmetric_difference(outline).area < 1e-6 * outline.area
    assert all(edge.points[0, 2] > 0 for edge in edges)


def _parts(area: shapely.Geometry) -> list[shapely.Polygon]:
    return [one for one in shapely.get_parts(area) if one.geom_type == "Polygon"]


def test_crosswalks_and_driveways_are_those_of_the_simulator() -> None:
    layout = layout_of("crossroads")
    features = list_features(layout, np.zeros(3))
    assert len(of_kind(features, "crosswalk")) == len(layout.crossings) == 4
    assert len(of_kind(features, "driveway")) == 2 * len(layout.carparks)
    for one, crossing in zip(of_kind(features, "crosswalk"), layout.crossings, strict=True):
        road = layout.roads[crossing.road]
        area = shapely.Polygon(one.points[:, :2]).area
        width = road.right_m + road.left_m
        assert area == pytest.approx(width * (crossing.stop - crossing.start), rel=0.02)


def test_the_side_road_of_a_t_junction_has_a_stop_sign_for_its_lanes() -> None:
    layout = layout_of("t_junction")
    features = list_features(layout, np.zeros(3))
    (sign,) = of_kind(features, "stop_sign")
    known = {one.id: one for one in features}
    assert len(sign.lanes) == layout.roads[1].backward
    for lane in sign.lanes:
        end = known[lane].points[-1, :2]  # it leads into the junction
        assert np.linalg.norm(end - sign.points[0, :2]) < 20
        assert not known[lane].interpolating
    assert not of_kind(list_features(layout_of("crossroads"), np.zeros(3)), "stop_sign")


def test_every_car_park_and_its_way_in_is_a_driveway() -> None:
    layout = layout_of("straight")
    assert layout.carparks
    areas = [
        shapely.Polygon(one.points[:, :2])
        for one in of_kind(list_features(layout, np.zeros(3)), "driveway")
    ]
    parks = [part for park in layout.carparks for part in (park.driveway, park.area)]
    assert all(a.equals(b) for a, b in zip(areas, parks, strict=True))
