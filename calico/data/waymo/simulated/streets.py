"""The simulator's streets as features of Waymo's map.

Every lane is cut where it enters and leaves the junction: the part between is an interpolating
lane without boundaries. Boundaries are road lines where the simulator paints them. The kerbs are
road edges. A car park and the way into it are driveways. The lanes of the side road of a T
junction, which always stop, get a stop sign. Turning lanes are not listed, as the simulator has
none of its own.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import shapely

from calico.data.sim.layout import Crossing, Lane, Layout, Road
from calico.data.sim.map_raster import KERB_M
from calico.data.waymo.records import MapFeature
from calico.frame import Float64

SURFACE_STREET = 2
"""Type of a lane (map.proto, LaneCenter.LaneType)."""
BROKEN_WHITE, DOUBLE_YELLOW = 1, 7
"""Types of road lines (map.proto, RoadLine.RoadLineType)."""
EDGE_BOUNDARY = 1
"""Type of a road edge (map.proto, RoadEdge.RoadEdgeType)."""
STEP_M = 1.0
"""Distance between points of a lane."""
SHORTEST_M = 2.0


@dataclass
class _Features:
    """The features so far; their ids count from 1."""

    shift: Float64
    found: list[MapFeature] = field(default_factory=list)
    ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def points(self, xy: npt.ArrayLike, z: float = 0.0) -> Float64:
        flat = np.asarray(xy, np.float64).reshape(-1, 2)
        return np.concatenate([flat, np.full((len(flat), 1), z)], axis=1) + self.shift

    def add(self, kind: str, xy: npt.ArrayLike, of_type: int = 0, z: float = 0.0) -> int:
        number = next(self.ids)
        self.found.append(MapFeature(number, kind, self.points(xy, z), of_type))
        return number


def list_features(layout: Layout, shift: npt.ArrayLike) -> tuple[MapFeature, ...]:
    """List everything that the simulator knows of its streets.

    Args:
        layout: The streets.
        shift: (3,) place of the simulator's world in that of the map [m].
    """
    features = _Features(np.asarray(shift, np.float64))
    lines = [_add_lines(features, layout, road) for road in range(len(layout.roads))]
    for ring in _rings(layout.drivable):
        features.add("road_edge", ring, EDGE_BOUNDARY, KERB_M)
    pieces = [piece for lane in layout.lanes for piece in _add_lane(features, layout, lane, lines)]
    for crossing in layout.crossings:
        road = layout.roads[crossing.road]
        area = road.center.strip(crossing.start, crossing.stop, -road.right_m, road.left_m)
        features.add("crosswalk", shapely.get_coordinates(area.exterior)[:-1])
        if layout.kind == "t_junction" and crossing.arm == 1:
            _add_stop_signs(features, layout, crossing, pieces)
    for park in layout.carparks:
        for part in (park.driveway, park.area):
            features.add("driveway", shapely.get_coordinates(part.exterior)[:-1])
    return tuple(features.found)


def _rings(area: shapely.Geometry) -> list[Float64]:
    return [
        shapely.get_coordinates(ring)
        for part in shapely.get_parts(area)
        if part.geom_type == "Polygon"
        for ring in (part.exterior, *part.interiors)
    ]


def _junction_stretch(layout: Layout, road: int) -> tuple[float, float] | None:
    """Stations of a road's centre line between which it crosses the other one."""
    if len(layout.roads) < 2:
        return None
    stations = sorted(
        value
        for crossing in layout.crossings
        if crossing.road == road
        for value in (crossing.start, crossing.stop)
    )
    if layout.kind == "t_junction" and road == 1:
        return 0.0, stations[0]
    return stations[1], stations[-2]


def _stretches(layout: Layout, road: int) -> list[tuple[float, float, bool]]:
    """Stations from and to, and whether the stretch lies in the junction."""
    length = layout.roads[road].center.length
    inside = _junction_stretch(layout, road)
    if inside is None:
        return [(0.0, length, False)]
    cuts = [(0.0, inside[0], False), (*inside, True), (inside[1], length, False)]
    return [(a, b, joins) for a, b, joins in cuts if b - a > SHORTEST_M]


def _line(road: Road, start: float, stop: float, left: float) -> Float64:
    """Points of a line beside a road's centre, in the road's direction."""
    stations = np.linspace(start, stop, max(int(np.ceil((stop - start) / STEP_M)), 1) + 1)
    return np.array([road.center.beside(float(s), left)[:2] for s in stations])


def _add_lines(features: _Features, layout: Layout, road: int) -> dict[tuple[float, int], int]:
    """Add the lines between the lanes of a road: id by start of the stretch and place.

    Place 0 parts the directions, +k lies left of it beyond k lanes, -k right of it.
    """
    one = layout.roads[road]
    places = [(0, DOUBLE_YELLOW)] if one.forward and one.backward else []
    places += [(-k, BROKEN_WHITE) for k in range(1, one.forward)]
    places += [(k, BROKEN_WHITE) for k in range(1, one.backward)]
    return {
        (start, place): features.add(
            "road_line", _line(one, start, stop, place * one.lane_m), of_type
        )
        for start, stop, joins in _stretches(layout, road)
        if not joins
        for place, of_type in places
    }


def _add_lane(
    features: _Features, layout: Layout, lane: Lane, lines: list[dict[tuple[float, int], int]]
) -> list[tuple[Lane, float, float, int]]:
    """Add the pieces of a lane; returns each with its stretch of the road and its id."""
    road = layout.roads[lane.road]
    side = -1 if lane.forward else 1
    pieces = []
    for start, stop, joins in _stretches(layout, lane.road):
        xy = _line(road, start, stop, side * (lane.index + 0.5) * road.lane_m)
        points = features.points(xy if lane.forward else xy[::-1])
        number = next(features.ids)
        last = len(points) - 1
        bounds = []
        for place in (lane.index, lane.index + 1):
            line = lines[lane.road].get((start, side * place))
            bounds.append(() if line is None or joins else ((0, last, line, _line_type(place)),))
        left, right = bounds
        features.found.append(
            MapFeature(
                number, "lane", points, SURFACE_STREET, interpolating=joins, left=left, right=right
            )
        )
        pieces.append((lane, start, stop, number))
    return pieces


def _line_type(place: int) -> int:
    return DOUBLE_YELLOW if place == 0 else BROKEN_WHITE


def _add_stop_signs(
    features: _Features,
    layout: Layout,
    crossing: Crossing,
    pieces: list[tuple[Lane, float, float, int]],
) -> None:
    """Add the sign beside each stop line before a crossing, for the lanes that end there."""
    road = layout.roads[crossing.road]
    for sign, station in crossing.stops:
        held = tuple(
            number
            for lane, start, stop, number in pieces
            if lane.road == crossing.road
            and lane.forward == (sign == 1)
            and start <= station <= stop
        )
        if held:
            offset = -(road.right_m + 0.8) if sign == 1 else road.left_m + 0.8
            place = features.points(road.center.beside(station, offset)[:2], KERB_M + 2.0)
            features.found.append(MapFeature(next(features.ids), "stop_sign", place, lanes=held))
