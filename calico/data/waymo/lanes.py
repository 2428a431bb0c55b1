"""The area of lanes: Waymo's map has their centre lines and boundaries, but no polygons.

Source: map.proto of waymo-research/waymo-open-dataset for what the fields mean. The rules are ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import shapely

from calico.data.waymo.records import MapFeature
from calico.frame import Float64

HALF_WIDTH_M = 1.8
"""From the centre line to the side where a lane has no boundary, as in junctions."""
MAX_HALF_WIDTH_M = 8.0
"""A boundary that is farther away is not this lane's: it counts as missing."""
_STEP_M = 2.0
"""Distance of the points of a centre line that are used. Waymo's are 0.5 m apart."""
_MILD = 0.8
"""Bends up to about 53 degrees are mild."""
_SAME_M = 1e-3
"""Points that are closer are one point."""


@dataclass(frozen=True)
class CentreLine:
    """A lane's centre line, thinned out to P points.

    Attributes:
        points: (P, 2) [m], P >= 2.
        left: (P,) distance of the left boundary [m].
        right: (P,) distance of the right boundary [m].
    """

    points: Float64
    left: Float64
    right: Float64


def measure_lane(lane: MapFeature, lines: Mapping[int, shapely.LineString]) -> CentreLine | None:
    """Measure how far the boundaries of a lane are from its centre line.

    Args:
        lane: A lane.
        lines: Road lines and road edges, by their id.

    Returns:
        Points not much more than 2 m apart where the file has them, and the distances in the plane.
        They are `HALF_WIDTH_M` where the lane has no boundary, the boundary is not in the map, or
        it is too far away. None of a lane without extent.
    """
    kept = np.array(_thin(lane), np.int64)
    if len(kept) < 2:
        return None
    points = lane.points[kept, :2]
    centre = shapely.points(points)
    sides = []
    for boundaries in (lane.left, lane.right):
        widths = np.full(len(kept), np.inf)
        for first, last, number, _ in boundaries:
            part = (kept >= first) & (kept <= last)
            if number in lines and part.any():
                distance = shapely.distance(centre[part], lines[number])
                widths[part] = np.minimum(widths[part], distance)
        widths[widths > MAX_HALF_WIDTH_M] = HALF_WIDTH_M
        sides.append(widths)
    return CentreLine(points, sides[0], sides[1])


def build_lane_area(centre: CentreLine) -> shapely.Geometry:
    """Build the area between a lane's boundaries.

    Each piece of the centre line is moved to both sides by the half widths at its ends. Pieces that
    meet in a mild bend share a side. What others leave open on the outside of a bend is filled.

    Args:
        centre: A lane.

    Returns:
        A valid polygon or several.
    """
    steps = np.diff(centre.points, axis=0)
    normals = np.stack([-steps[:, 1], steps[:, 0]], axis=1) / np.hypot(*steps.T)[:, None]
    # The square of the cosine of half the angle of each bend.
    straightness = (1 + (normals[:-1] * normals[1:]).sum(axis=1)) / 2
    is_mild = straightness > _MILD
    shared = (normals[:-1] + normals[1:])[is_mild] / (2 * straightness[is_mild, None])
    starts, ends = normals.copy(), normals.copy()
    starts[1:][is_mild] = ends[:-1][is_mild] = shared
    before = _move_sideways(centre, slice(None, -1), starts)
    behind = _move_sideways(centre, slice(1, None), ends)
    pieces = np.concatenate([before, behind], axis=1)
    bends = np.concatenate([behind[:-1], before[1:]], axis=1)[~is_mild]
    corners = np.concatenate([pieces, bends])
    return shapely.union_all(shapely.convex_hull(shapely.multipoints(corners)))


def build_stop_line(centre: CentreLine, sign_xy: Float64) -> Float64:
    """Build the line across a lane at its point next to a stop sign.

    Args:
        centre: A lane that the sign holds up.
        sign_xy: (2,) place of the sign [m].

    Returns:
        (2, 2) the ends on the left and on the right boundary.
    """
    points = centre.points
    steps = np.diff(points, axis=0)
    along = np.clip(((sign_xy - points[:-1]) * steps).sum(axis=1) / (steps**2).sum(axis=1), 0, 1)
    feet = points[:-1] + along[:, None] * steps
    best = int(np.argmin(((feet - sign_xy) ** 2).sum(axis=1)))
    share = along[best]
    normal = np.array([-steps[best, 1], steps[best, 0]]) / np.hypot(*steps[best])
    widths = [
        side[best] + share * (side[best + 1] - side[best]) for side in (centre.left, centre.right)
    ]
    line: Float64 = np.stack([feet[best] + normal * widths[0], feet[best] - normal * widths[1]])
    return line


def _move_sideways(centre: CentreLine, part: slice, normals: Float64) -> Float64:
    """Move n points of a centre line to the left and to the right: (n, 2, 2)."""
    points, left, right = centre.points[part], centre.left[part], centre.right[part]
    return np.stack([points + normals * left[:, None], points - normals * right[:, None]], axis=1)


def _thin(lane: MapFeature) -> list[int]:
    """Indices of points not much farther apart than `_STEP_M`, with the ends of all boundaries."""
    points = lane.points[:, :2]
    if len(points) == 0:
        return []
    way = np.cumsum(np.hypot(*np.diff(points, axis=0).T)).tolist()
    way = [0.0, *way, np.inf]
    ends = {one for first, last, *_ in (*lane.left, *lane.right) for one in (first, last)}
    kept = [0]
    for index in range(1, len(points)):
        needed = index in ends or way[index + 1] - way[kept[-1]] > _STEP_M
        if needed and way[index] - way[kept[-1]] > _SAME_M:
            kept.append(index)
    return kept
