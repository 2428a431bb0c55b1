"""The ground as one bit mask per cell, for the sensors and the labels alike.

The bits are the map classes and the paint.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from PIL import Image, ImageDraw

from calico.data.sim.layout import Layout, Road
from calico.frame import Bool, Float32, Float64, UInt8
from calico.geometry.frames import transform_points
from calico.geometry.grid import Grid
from calico.taxonomy import Taxonomy

CELL_M = 0.1
KERB_M = 0.13
"""Height of everything that is neither drivable nor a car park."""
DIVIDER_HALF_M = 0.3
"""Half the width of a divider in the map masks."""
STOP_AREA_M = 1.6
"""Depth of a stop line's area in the map masks; the paint in it is 0.4 m deep."""

AREAS = {
    "drivable_area": 1,
    "ped_crossing": 2,
    "walkway": 4,
    "stop_line": 8,
    "carpark_area": 16,
    "divider": 32,
}
"""The bits of the areas that a map class can be made of."""
BIT = AREAS | {"white": 64, "yellow": 128}


@dataclass(frozen=True)
class GroundMap:
    """bits (Y, X) uint8 of the cells of CELL_M whose first corner is `origin` [m, world]."""

    bits: UInt8
    origin: tuple[float, float]

    def lookup(self, xy: npt.NDArray[np.floating]) -> UInt8:
        """The bits under points (..., 2); 0 outside the map."""
        ix = np.floor((xy[..., 0] - self.origin[0]) / CELL_M).astype(np.int64)
        iy = np.floor((xy[..., 1] - self.origin[1]) / CELL_M).astype(np.int64)
        inside = (ix >= 0) & (iy >= 0) & (ix < self.bits.shape[1]) & (iy < self.bits.shape[0])
        found = self.bits[np.where(inside, iy, 0), np.where(inside, ix, 0)]
        result: UInt8 = np.where(inside, found, np.uint8(0)).astype(np.uint8)
        return result

    def height(self, xy: npt.NDArray[np.floating]) -> Float32:
        """Height of the ground [m] under points (..., 2)."""
        low = (self.lookup(xy) & (BIT["drivable_area"] | BIT["carpark_area"])) > 0
        result: Float32 = np.where(low, 0.0, KERB_M).astype(np.float32)
        return result

    def masks(self, grid: Grid, global_T_lidar: Float64, taxonomy: Taxonomy) -> Bool:
        """Compute map masks: the class under the centre of every cell.

        Args:
            grid: Grid of the masks in the LiDAR frame.
            global_T_lidar: (4, 4) pose of the LiDAR.
            taxonomy: Its map classes; one of several sources is their union.

        Returns:
            (K, Y, X) bool.
        """
        centers = grid.cell_centers().reshape(-1, 2)
        world = transform_points(
            global_T_lidar, np.concatenate([centers, np.zeros((len(centers), 1))], axis=1)
        )
        bits = self.lookup(world[:, :2]).reshape(grid.shape)
        classes = [
            sum(AREAS.get(name, 0) for name in {one.name, *one.sources})
            for one in taxonomy.map_classes
        ]
        result: Bool = (bits & np.array(classes, np.uint8)[:, None, None]) > 0
        return result


def rasterise_layout(layout: Layout, margin_m: float = 75.0) -> GroundMap:
    """Draw a layout as a map of the ground, which covers all roads.

    Args:
        layout: The streets.
        margin_m: Margin around the roads along y [m].
    """
    low = np.min([road.center.xy.min(axis=0) for road in layout.roads], axis=0)
    high = np.max([road.center.xy.max(axis=0) for road in layout.roads], axis=0)
    margin = np.array([0.0, margin_m])
    low, high = low - margin, high + margin
    width, height = (int(v) for v in np.ceil((high - low) / CELL_M))
    bits = np.zeros((height, width), np.uint8)
    for name, geometry in list_areas(layout).items():
        canvas = Image.new("L", (width, height))
        pen = ImageDraw.Draw(canvas)
        for polygon in _polygons(geometry):
            pen.polygon(_pixels(polygon.exterior, low), fill=1)
            for hole in polygon.interiors:
                pen.polygon(_pixels(hole, low), fill=0)
        bits |= np.asarray(canvas, np.uint8) * np.uint8(BIT[name])
    return GroundMap(bits, (float(low[0]), float(low[1])))


def list_areas(layout: Layout) -> dict[str, shapely.Geometry]:
    """List the polygons of every bit of the map.

    Walkways and dividers are drawn only outside other roads.
    """
    crossings: list[shapely.Polygon] = []
    stops: list[shapely.Polygon] = []
    dividers: list[shapely.Polygon] = []
    white: list[shapely.Polygon] = []
    yellow: list[shapely.Polygon] = []
    for crossing in layout.crossings:
        road = layout.roads[crossing.road]
        crossings.append(
            road.center.strip(crossing.start, crossing.stop, -road.right_m, road.left_m)
        )
        white += _zebra(road, crossing.start, crossing.stop)
        for sign, station in crossing.stops:
            right, left = (-road.right_m, -0.1) if sign == 1 else (0.1, road.left_m)
            if left - right > 1.0:
                stops.append(road.center.strip(station, station - sign * STOP_AREA_M, right, left))
                white.append(road.center.strip(station, station - sign * 0.4, right, left))
    for index, road in enumerate(layout.roads):
        for stretch in _open_stretches(layout, index):
            for offset, _ in _divider_offsets(road):
                dividers.append(_line(road, stretch, offset, DIVIDER_HALF_M))
            white += _white_lines(road, stretch)
            yellow += [
                _line(road, stretch, offset + gap, 0.08)
                for offset, between in _divider_offsets(road)
                if between
                for gap in (-0.17, 0.17)
            ]
    white += [line for park in layout.carparks for line in park.lines]
    return {
        "drivable_area": layout.drivable,
        "ped_crossing": shapely.union_all(crossings),
        "walkway": layout.walkway,
        "stop_line": shapely.union_all(stops),
        "carpark_area": layout.carpark,
        "divider": shapely.union_all(dividers),
        "white": shapely.MultiPolygon([p for g in white for p in _polygons(g)]),
        "yellow": shapely.MultiPolygon([p for g in yellow for p in _polygons(g)]),
    }


def _line(
    road: Road, stretch: tuple[float, float], offset: float, half_m: float
) -> shapely.Polygon:
    return road.center.strip(*stretch, offset - half_m, offset + half_m)


def _white_lines(road: Road, stretch: tuple[float, float]) -> list[shapely.Polygon]:
    """Dashes between lanes of one direction, and the edges of parking lanes."""
    lines = [
        _line(road, (float(start), float(start) + 3.0), offset, 0.08)
        for offset, between in _divider_offsets(road)
        if not between
        for start in np.arange(stretch[0], stretch[1] - 3, 8.0)
    ]
    edges = (-road.forward * road.lane_m, road.backward * road.lane_m)
    return lines + [
        _line(road, stretch, edge, 0.07)
        for edge, has in zip(edges, road.parking, strict=True)
        if has
    ]


def _divider_offsets(road: Road) -> list[tuple[float, bool]]:
    """Offsets of the lines between lanes, and whether they part the directions."""
    lines = [(0.0, True)] if road.forward and road.backward else []
    lines += [(-i * road.lane_m, False) for i in range(1, road.forward)]
    return lines + [(i * road.lane_m, False) for i in range(1, road.backward)]


def _open_stretches(layout: Layout, index: int) -> list[tuple[float, float]]:
    """The stretches of a road between junctions and crossings, up to the stop lines."""
    road = layout.roads[index]
    cuts = sorted(
        (min(c.start, *(s for _, s in c.stops)), max(c.stop, *(s for _, s in c.stops)))
        for c in layout.crossings
        if c.road == index
    )
    through_junction = len(layout.roads) > 1
    if through_junction and len(cuts) == 2:
        cuts = [(cuts[0][0], cuts[1][1])]
    elif through_junction and len(cuts) == 1:
        cuts = [(0.0, cuts[0][1])]
    edges = [0.0, *(v for cut in cuts for v in cut), road.center.length]
    return [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a > 1.0]


def _zebra(road: Road, start: float, stop: float) -> list[shapely.Polygon]:
    lefts = np.arange(-road.right_m + 0.4, road.left_m - 0.5, 1.0)
    return [road.center.strip(start, stop, left, left + 0.5) for left in lefts]


def _polygons(geometry: shapely.Geometry) -> list[shapely.Polygon]:
    return [
        part
        for part in shapely.get_parts(geometry)
        if part.geom_type == "Polygon" and part.area > 0
    ]


def _pixels(ring: shapely.LinearRing, low: Float64) -> list[tuple[float, float]]:
    xy = (shapely.get_coordinates(ring) - low) / CELL_M - 0.5
    return [(float(x), float(y)) for x, y in xy]
