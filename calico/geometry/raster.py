"""Polygons and lines on a grid: exact at cell centres, without anti-aliasing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import shapely

from calico.frame import Bool, Float64
from calico.geometry.grid import Grid


def fill_polygon(mask: Bool, grid: Grid, rings: Sequence[Float64]) -> None:
    """Mark the cells whose centre lies in a polygon, in place.

    Every crossing of an edge with a row's centre line toggles the cells to its right (the even-odd
    rule), so holes are just further rings.

    Args:
        mask: (Y, X) bool on the grid.
        grid: The grid.
        rings: Outlines (n, 2) [m], exterior and holes, closed or not.
    """
    rows, columns = grid.shape
    toggles = np.zeros((rows, columns + 1), np.int64)
    for ring in rings:
        start = (ring - [grid.x_min_m, grid.y_min_m]) / grid.cell_m - 0.5
        end = np.roll(start, -1, axis=0)
        low, high = np.minimum(start[:, 1], end[:, 1]), np.maximum(start[:, 1], end[:, 1])
        first = np.clip(np.ceil(low), 0, rows).astype(np.int64)
        last = np.clip(np.ceil(high), 0, rows).astype(np.int64)
        count = last - first
        edge = np.repeat(np.arange(len(ring)), count)
        row = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + first[edge]
        along = (row - start[edge, 1]) / (end[edge, 1] - start[edge, 1])
        crossing = start[edge, 0] + along * (end[edge, 0] - start[edge, 0])
        np.add.at(toggles, (row, np.clip(np.ceil(crossing), 0, columns).astype(np.int64)), 1)
    mask |= np.cumsum(toggles, axis=1)[:, :columns] % 2 == 1


def draw_lines(mask: Bool, grid: Grid, lines: Iterable[Float64]) -> None:
    """Mark the cells whose centre is within one cell of a line, in place: lines are two cells wide.

    Args:
        mask: (Y, X) bool on the grid.
        grid: The grid.
        lines: Lines (n, 2) [m].
    """
    geometry = [shapely.LineString(line) for line in lines]
    for shape in shapely.buffer(geometry, grid.cell_m, cap_style="flat", quad_segs=4):
        for polygon in shapely.get_parts(shape):
            outlines = [polygon.exterior, *polygon.interiors]
            fill_polygon(
                mask, grid, [shapely.get_coordinates(outline)[:-1] for outline in outlines]
            )
