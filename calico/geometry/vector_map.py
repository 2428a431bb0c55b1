"""A map of polygons and lines, rasterised around a vehicle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from calico.frame import Bool, Float64
from calico.geometry.frames import from_yaw, invert_transform, yaw_of
from calico.geometry.grid import Grid
from calico.geometry.raster import draw_lines, fill_polygon
from calico.taxonomy import Taxonomy


@dataclass(frozen=True)
class Shape:
    """A polygon or a line, in metres of the map.

    Attributes:
        rings: (n, 2) exterior and holes, or the line alone.
        is_line: Whether it is a line.
        low: (2,) lower corner of its bounding box.
        high: (2,) upper corner.
    """

    rings: tuple[Float64, ...]
    is_line: bool
    low: Float64
    high: Float64


@dataclass(frozen=True)
class VectorMap:
    """The shapes of a map, by the name of their class."""

    shapes: Mapping[str, tuple[Shape, ...]]

    def masks(self, map_T_lidar: Float64, grid: Grid, taxonomy: Taxonomy) -> Bool:
        """Rasterise map classes: cells whose centre a polygon holds, and lines two cells wide.

        The grid lies level at the LiDAR's position and heading. The sensor's small tilt is left
        out, as in BEVFusion.

        Args:
            map_T_lidar: (4, 4) pose of the LiDAR.
            grid: The cells, in the LiDAR frame.
            taxonomy: It gives the map classes. A class of several sources is their union.

        Returns:
            (K, Y, X) masks.
        """
        masks = np.zeros((len(taxonomy.map_classes), *grid.shape), np.bool_)
        for mask, one in zip(masks, taxonomy.map_classes, strict=True):
            names = dict.fromkeys((one.name, *one.sources))
            shapes = [shape for name in names for shape in self.shapes.get(name, ())]
            draw_shapes(mask, grid, shapes, map_T_lidar)
        return masks


def make_shape(rings: Sequence[Float64], is_line: bool) -> Shape | None:
    """Make a shape, or None of lines and polygons without extent, which some maps have.

    Args:
        rings: (n, 2) exterior and holes, or the line alone [m].
        is_line: Whether it is a line.
    """
    least = 2 if is_line else 3
    if len(rings[0]) < least:
        return None
    kept = tuple(ring for ring in rings if len(ring) >= least)
    return Shape(kept, is_line, kept[0].min(axis=0), kept[0].max(axis=0))


def draw_shapes(mask: Bool, grid: Grid, shapes: Iterable[Shape], map_T_lidar: Float64) -> None:
    """Mark the cells of shapes, in place; see `VectorMap.masks`.

    Args:
        mask: (Y, X) bool on the grid.
        grid: The cells, in the LiDAR frame.
        shapes: Polygons and lines.
        map_T_lidar: (4, 4) pose of the LiDAR.
    """
    x, y, _ = map_T_lidar[:3, 3]
    lidar_T_map = invert_transform(from_yaw(yaw_of(map_T_lidar), (x, y, 0.0)))[:2]
    reach = (
        np.hypot(max(-grid.x_min_m, grid.x_max_m), max(-grid.y_min_m, grid.y_max_m))
        + 2 * grid.cell_m
    )
    lines = []
    for shape in shapes:
        if (shape.low > [x + reach, y + reach]).any() or (
            shape.high < [x - reach, y - reach]
        ).any():
            continue
        local = [ring @ lidar_T_map[:, :2].T + lidar_T_map[:, 3] for ring in shape.rings]
        if shape.is_line:
            lines += local
        else:
            fill_polygon(mask, grid, local)
    draw_lines(mask, grid, lines)
