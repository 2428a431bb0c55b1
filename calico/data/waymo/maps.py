"""Map features to areas, and areas to masks on the grid.

| class         | made of                                                      |         |
|---------------|--------------------------------------------------------------|---------|
| ped_crossing  | crosswalks                                                   | as read |
| driveway      | driveways                                                    | as read |
| divider       | road lines of every type, two cells wide                     | as read |
| stop_line     | across each lane that a stop sign holds up, at the lane's    | derived |
|               | point next to the sign, from boundary to boundary, two cells |         |
|               | wide                                                         |         |
| drivable_area | lanes of every type, those of bicycles too, between their    | derived |
|               | boundaries, or 1.8 m to the side without one, but not beyond |         |
|               | a road edge                                                  |         |

A stop sign that is more than 25 m from its lane is left out. Gaps between lanes of less than 0.3 m
are closed.

**Where the map is known.** The files do not say how far the map reaches. A cell is known if it lies
beside a lane, a road line or a road edge, within 20 m to the side and not beyond the ends, or in an
area. Segments without features have no map at all.

Source: map.proto of waymo-research/waymo-open-dataset. The rules of the derived classes and of what
is known are ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import shapely

from calico.data.waymo.lanes import (
    CentreLine,
    build_lane_area,
    build_stop_line,
    measure_lane,
)
from calico.data.waymo.records import MapFeature
from calico.frame import Bool, Float64
from calico.geometry.grid import Grid
from calico.geometry.vector_map import Shape, VectorMap, draw_shapes, make_shape
from calico.taxonomy import WAYMO, Taxonomy

MAP_CLASSES = WAYMO.map_names
DERIVED = ("drivable_area", "stop_line")
"""Classes that the map does not hold as such."""
KNOWN_SIDE_M = 20.0
MAX_SIGN_M = 25.0
_CLOSED_M = 0.15
"""Half the width of the gaps that are closed."""
_SIMPLE_M = 0.02
"""How far a boundary may move where points of it are left out."""
_CUT_M = 1e-3
"""Half the width of the cut that a road edge makes."""


@dataclass(frozen=True)
class WaymoMap:
    """The areas of a segment's map, in the map's frame.

    Attributes:
        areas: Shapes by the names in `MAP_CLASSES`.
        known: Polygons in which the map is known.
    """

    areas: VectorMap
    known: tuple[Shape, ...]

    def masks(
        self, world_T_lidar: Float64, map_offset: Float64, grid: Grid, taxonomy: Taxonomy
    ) -> tuple[Bool, Bool]:
        """Rasterise the map around a LiDAR.

        Args:
            world_T_lidar: (4, 4) pose of the LiDAR frame.
            map_offset: (3,) `WaymoRecord.map_offset`.
            grid: The cells, in the LiDAR frame.
            taxonomy: It gives the map classes.

        Returns:
            (K, Y, X) masks, and (Y, X) the cells whose map is known. No mask has a cell whose map
            is unknown.
        """
        map_T_lidar = world_T_lidar.copy()
        map_T_lidar[:3, 3] += map_offset
        masks = self.areas.masks(map_T_lidar, grid, taxonomy)
        known = np.zeros(grid.shape, np.bool_)
        draw_shapes(known, grid, self.known, map_T_lidar)
        # A line is drawn two cells wide and may pass the border of what is known.
        return masks & known, known


def build_map(features: Sequence[MapFeature] | None) -> WaymoMap | None:
    """Build the areas of a segment's map, which takes about half a second.

    Args:
        features: `WaymoRecord.map_features`.

    Returns:
        None where the map is unknown.
    """
    if not features:
        return None
    kinds: dict[str, list[MapFeature]] = {}
    for one in features:
        kinds.setdefault(one.kind, []).append(one)
    boundaries = [*kinds.get("road_line", ()), *kinds.get("road_edge", ())]
    lines = {one.id: _to_line(one) for one in boundaries if len(one.points) > 1}
    measured = {one.id: measure_lane(one, lines) for one in kinds.get("lane", ())}
    lanes = {number: lane for number, lane in measured.items() if lane is not None}
    edges = [lines[one.id] for one in kinds.get("road_edge", ()) if one.id in lines]
    rings = {
        name: [one.points[:, :2] for one in kinds.get(kind, ()) if len(one.points) > 2]
        for name, kind in (("ped_crossing", "crosswalk"), ("driveway", "driveway"))
    }
    drivable = _build_drivable_area(lanes.values(), edges)
    painted = [lines[one.id] for one in kinds.get("road_line", ()) if one.id in lines]
    dividers = [shapely.get_coordinates(line) for line in painted]
    shapes = {
        "drivable_area": _shapes_of(drivable),
        "stop_line": _to_shapes(_build_stop_lines(kinds.get("stop_sign", ()), lanes), True),
        "divider": _to_shapes(dividers, True),
        **{name: _to_shapes(found, False) for name, found in rings.items()},
    }
    beside = [*lines.values(), *(shapely.LineString(lane.points) for lane in lanes.values())]
    areas = [shapely.make_valid(shapely.Polygon(one)) for found in rings.values() for one in found]
    return WaymoMap(VectorMap(shapes), _shapes_of(_build_known_area(beside, [drivable, *areas])))


def _to_line(feature: MapFeature) -> shapely.LineString:
    return shapely.simplify(shapely.LineString(feature.points[:, :2]), _SIMPLE_M)


def _build_drivable_area(
    lanes: Iterable[CentreLine], edges: list[shapely.LineString]
) -> shapely.Geometry:
    tree = shapely.STRtree(edges)
    areas = []
    for lane in lanes:
        area = build_lane_area(lane)
        near = tree.query(area, predicate="intersects")
        if len(near):
            cut = shapely.buffer(shapely.union_all(tree.geometries[near]), _CUT_M, quad_segs=1)
            parts = shapely.get_parts(shapely.difference(area, cut))
            kept = shapely.intersects(parts, shapely.LineString(lane.points))
            area = shapely.union_all(parts[kept])
        areas.append(area)
    whole = shapely.buffer(shapely.union_all(areas), _CLOSED_M, quad_segs=2, join_style="mitre")
    return shapely.buffer(whole, -_CLOSED_M, quad_segs=2, join_style="mitre")


def _build_stop_lines(
    signs: Iterable[MapFeature], lanes: Mapping[int, CentreLine]
) -> list[Float64]:
    found = []
    for sign in signs:
        for place in sign.points[:1, :2]:
            near = [build_stop_line(lanes[one], place) for one in sign.lanes if one in lanes]
            found += [
                line
                for line in near
                if shapely.distance(shapely.LineString(line), shapely.Point(place)) <= MAX_SIGN_M
            ]
    return found


def _build_known_area(
    beside: list[shapely.LineString], areas: list[shapely.Geometry]
) -> shapely.Geometry:
    strips = shapely.buffer(beside, KNOWN_SIDE_M, cap_style="flat", quad_segs=4)
    return shapely.union_all([*strips, *areas])


def _to_shapes(rings: Iterable[Float64], is_line: bool) -> tuple[Shape, ...]:
    made = (make_shape([ring], is_line) for ring in rings)
    return tuple(shape for shape in made if shape is not None)


def _shapes_of(area: shapely.Geometry) -> tuple[Shape, ...]:
    """The polygons of an area, with their holes."""
    made = []
    for part in shapely.get_parts(area):
        if part.geom_type == "Polygon" and not part.is_empty:
            rings = [part.exterior, *part.interiors]
            made.append(make_shape([shapely.get_coordinates(ring)[:-1] for ring in rings], False))
    return tuple(shape for shape in made if shape is not None)
