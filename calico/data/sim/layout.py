"""Streets from above: roads, lanes, junctions and polygons.

World frame: metres, z up, the main road starts at the origin and runs roughly along x. Traffic
keeps to the right.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import shapely

from calico.data.sim.paths import Path, bend_path

Kind = Literal["straight", "curved", "t_junction", "crossroads"]
KINDS: tuple[Kind, ...] = ("crossroads", "straight", "t_junction", "curved")

PARKING_M = 2.5
"""Width of a parking lane at the kerb."""
CROSSING_M = 3.5
"""Depth of a pedestrian crossing."""


@dataclass(frozen=True)
class Road:
    """A street. Lanes to the right of the centre line go forward, those to the left backward.

    parking: a parking lane at the (right, left) kerb. walkway_m: width of each walkway.
    """

    center: Path
    forward: int
    backward: int
    lane_m: float
    parking: tuple[bool, bool]
    walkway_m: float

    @property
    def right_m(self) -> float:
        """Centre line to the right kerb."""
        return self.forward * self.lane_m + PARKING_M * self.parking[0]

    @property
    def left_m(self) -> float:
        """Centre line to the left kerb."""
        return self.backward * self.lane_m + PARKING_M * self.parking[1]


@dataclass(frozen=True)
class Crossing:
    """A pedestrian crossing over `road` between two stations, with the stop lines before it.

    stops: for each approach (+1 forward lanes, -1 backward lanes) the station of its stop line.
    arm: 0 on the main road, 1 on the side road.
    """

    road: int
    start: float
    stop: float
    stops: tuple[tuple[int, float], ...]
    arm: int


@dataclass(frozen=True)
class Lane:
    """A lane in the direction of travel.

    Attributes:
        stop_m: Stations of the stop lines [m].
        arm: 0 for the main road, 1 for the side road.
    """

    path: Path
    road: int
    forward: bool
    index: int
    stop_m: tuple[float, ...]
    arm: int


@dataclass(frozen=True)
class Carpark:
    """A car park.

    Attributes:
        area: Its ground.
        driveway: The way over the walkway.
        slots: Poses of its slots as (x, y, yaw) [m, rad].
        lines: Its painted lines.
    """

    area: shapely.Polygon
    driveway: shapely.Polygon
    slots: tuple[tuple[float, float, float], ...]
    lines: tuple[shapely.Polygon, ...]


@dataclass(frozen=True)
class Layout:
    """Everything fixed about the streets of a scene.

    `roads[0]` is the main road. No vehicle drives over a kerb.
    """

    kind: Kind
    roads: tuple[Road, ...]
    junction_m: tuple[float, ...]
    crossings: tuple[Crossing, ...]
    lanes: tuple[Lane, ...]
    carparks: tuple[Carpark, ...]
    drivable: shapely.Geometry
    carpark: shapely.Geometry
    walkway: shapely.Geometry

    def free_of_junctions(self, road: int, station: float, margin_m: float) -> bool:
        """Tell whether a place lies clear of junctions and crossings.

        Args:
            road: Index of the road.
            station: Station on that road [m].
            margin_m: Distance that must be clear before and behind it [m].
        """
        near = [
            s
            for c in self.crossings
            if c.road == road
            for s in (c.start, c.stop, *(p for _, p in c.stops))
        ]
        if road == 0:
            near += list(self.junction_m)
        elif self.kind == "crossroads":
            near.append(self.roads[road].center.length / 2)
        else:
            near.append(0.0)
        return all(abs(station - s) > margin_m for s in near)


def build_layout(rng: np.random.Generator, kind: Kind, length_m: float, middle_m: float) -> Layout:
    """Build the streets around a main road.

    Args:
        rng: Generator.
        kind: Kind of junction.
        length_m: Length of the main road [m].
        middle_m: Station of the junction or crossing on the main road [m].
    """
    main = _main_road(rng, kind, length_m)
    roads = [main]
    station = middle_m
    if kind in ("t_junction", "crossroads"):
        roads.append(_side_road(rng, main, station, kind))
    crossings = _crossings(roads, kind, station)
    drivable = shapely.union_all(
        [r.center.strip(0, r.center.length, -r.right_m, r.left_m) for r in roads]
    )
    drivable = drivable.buffer(5.0, quad_segs=4).buffer(-5.0, quad_segs=4)
    broad = [
        r.center.strip(0, r.center.length, -r.right_m - r.walkway_m, r.left_m + r.walkway_m)
        for r in roads
    ]
    paved = shapely.union_all(broad).buffer(3.0, quad_segs=4).buffer(-3.0, quad_segs=4)
    carparks = _carparks(rng, roads, station if len(roads) > 1 else None, paved)
    drivable = shapely.union_all([drivable, *(park.driveway for park in carparks)])
    carpark = shapely.union_all([park.area for park in carparks]).difference(drivable)
    return Layout(
        kind=kind,
        roads=tuple(roads),
        junction_m=(station,) if len(roads) > 1 else (),
        crossings=tuple(crossings),
        lanes=tuple(_lanes(roads, crossings)),
        carparks=tuple(carparks),
        drivable=drivable,
        carpark=carpark,
        walkway=paved.difference(drivable).difference(carpark),
    )


def _main_road(rng: np.random.Generator, kind: Kind, length_m: float) -> Road:
    steps = int(length_m)
    curvature = np.zeros(steps)
    if kind == "curved":
        radius = float(rng.uniform(50, 140)) * float(rng.choice([-1, 1]))
        begin, end = sorted(rng.uniform(0.2, 0.8, 2) * steps)
        end = max(end, begin + 40)
        curvature[int(begin) : int(end)] = 1 / radius
        curvature = np.convolve(curvature, np.ones(15) / 15, "same")
    forward, backward = ((1, 1), (2, 2), (2, 1), (1, 2), (2, 0), (3, 0), (1, 1), (2, 2))[
        int(rng.integers(8))
    ]
    return Road(
        bend_path((0.0, 0.0), 0.0, curvature),
        forward,
        backward,
        float(rng.uniform(3.1, 3.7)),
        (bool(rng.random() < 0.65), bool(rng.random() < 0.65)),
        float(rng.uniform(2.2, 4.5)),
    )


def _side_road(rng: np.random.Generator, main: Road, station: float, kind: Kind) -> Road:
    (x, y), yaw = main.center.at(station)
    turn = float(np.deg2rad(rng.uniform(72, 108))) * float(rng.choice([-1, 1]))
    heading = float(yaw) + turn
    unit = np.array([np.cos(heading), np.sin(heading)])
    start = np.array([x, y]) - (90.0 * unit if kind == "crossroads" else 0.0)
    steps = 180 if kind == "crossroads" else 90
    forward, backward = ((1, 1), (1, 1), (2, 2), (2, 1), (1, 2))[int(rng.integers(5))]
    return Road(
        bend_path((float(start[0]), float(start[1])), heading, np.zeros(steps)),
        forward,
        backward,
        float(rng.uniform(3.1, 3.5)),
        (bool(rng.random() < 0.5), bool(rng.random() < 0.5)),
        float(rng.uniform(2.2, 4.0)),
    )


def _crossings(roads: list[Road], kind: Kind, station: float) -> list[Crossing]:
    """Crossings on every arm of the junction, or one in mid-block."""
    if len(roads) == 1:
        start = station - CROSSING_M / 2
        stop = station + CROSSING_M / 2
        return [Crossing(0, start, stop, ((1, start - 1.2), (-1, stop + 1.2)), 0)]
    main, side = roads
    reach_main = max(side.right_m, side.left_m) + 5.0
    reach_side = max(main.right_m, main.left_m) + 5.0
    found = []
    center = side.center.length / 2 if kind == "crossroads" else 0.0
    for road, middle, reach in ((0, station, reach_main), (1, center, reach_side)):
        low, high = middle - reach, middle + reach
        if road == 0 or kind == "crossroads":
            found.append(
                Crossing(road, low - CROSSING_M, low, ((1, low - CROSSING_M - 1.2),), road)
            )
        found.append(
            Crossing(road, high, high + CROSSING_M, ((-1, high + CROSSING_M + 1.2),), road)
        )
    return found


def _lanes(roads: list[Road], crossings: list[Crossing]) -> list[Lane]:
    lanes = []
    for index, road in enumerate(roads):
        for forward in (True, False):
            for i in range(road.forward if forward else road.backward):
                offset = (i + 0.5) * road.lane_m
                path = (
                    road.center.offset(-offset)
                    if forward
                    else road.center.offset(offset).reversed()
                )
                stops = [
                    path.project(road.center.at(station)[0])
                    for crossing in crossings
                    if crossing.road == index
                    for sign, station in crossing.stops
                    if (sign == 1) == forward
                ]
                lanes.append(Lane(path, index, forward, i, tuple(sorted(stops)), index))
    return lanes


def _carparks(
    rng: np.random.Generator, roads: list[Road], junction: float | None, paved: shapely.Geometry
) -> list[Carpark]:
    """One or two car parks along the main road, clear of the side road."""
    main = roads[0]
    found: list[Carpark] = []
    for side in rng.permutation([-1, 1])[: 1 + int(rng.random() < 0.4)]:
        for _ in range(8):
            start = float(rng.uniform(60, max(main.center.length - 100, 70)))
            park = _carpark(rng, main, start, int(side))
            clear = junction is None or all(
                park.area.distance(r.center.strip(0, r.center.length, -r.right_m - 4, r.left_m + 4))
                > 1
                for r in roads[1:]
            )
            if (
                clear
                and park.area.intersection(paved).area < 1.0
                and all(park.area.distance(p.area) > 3 for p in found)
            ):
                found.append(park)
                break
    return found


def _carpark(rng: np.random.Generator, road: Road, start: float, side: int) -> Carpark:
    """Two rows of slots with an aisle between, beside a road (side +1: its left)."""
    slots, width = int(rng.integers(6, 12)), 2.8
    stop = start + slots * width
    inner = (road.left_m if side > 0 else road.right_m) + road.walkway_m + 0.6
    poses, lines = [], []
    for row, depth in enumerate((inner + 2.7, inner + 5.4 + 6.2 + 2.7)):
        for k in range(slots):
            x, y, yaw = road.center.beside(start + (k + 0.5) * width, side * depth)
            nose = yaw + (np.pi / 2 if (row == 0) == (side > 0) else -np.pi / 2)
            poses.append((x, y, float(nose + np.pi * (rng.random() < 0.3))))
            edge = start + k * width
            lines.append(
                road.center.strip(
                    edge - 0.07, edge + 0.07, side * (depth - 2.6), side * (depth + 2.6)
                )
            )
    entry = float(rng.uniform(start + 3, stop - 7))
    reach = (side * (inner - road.walkway_m - 1.5), side * (inner + 5.5))
    area = road.center.strip(start, stop, side * inner, side * (inner + 17.0))
    driveway = road.center.strip(entry, entry + 5.5, *reach).difference(area)
    free = [
        p
        for p in poses
        if not road.center.strip(entry - 1.5, entry + 7, *reach).contains(shapely.Point(p[:2]))
    ]
    return Carpark(area, driveway, tuple(free), tuple(lines))
