"""The map expansion: maps/expansion/<location>.json, rasterised around the vehicle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from calico.data.nuscenes.paths import check_plain_name
from calico.data.nuscenes.raster import draw_lines, fill_polygon
from calico.data.nuscenes.values import is_finite_number
from calico.errors import CalicoError
from calico.files import read_json
from calico.frame import Bool, Float64
from calico.geometry.frames import from_yaw, invert_transform, yaw_of
from calico.geometry.grid import Grid
from calico.taxonomy import Taxonomy

MAX_MAP_BYTES = 1 << 30
LAYERS: dict[str, tuple[str, ...]] = {
    "drivable_area": ("drivable_area",),
    "ped_crossing": ("ped_crossing",),
    "walkway": ("walkway",),
    "stop_line": ("stop_line",),
    "carpark_area": ("carpark_area",),
    "divider": ("road_divider", "lane_divider"),
}
"""nuScenes' map classes to layers of the file (BEVFusion's choice; only the dividers are lines)."""


@dataclass(frozen=True)
class Shape:
    """A polygon (exterior and holes) or a line, in global metres. low, high: its bounding box."""

    rings: tuple[Float64, ...]
    is_line: bool
    low: Float64
    high: Float64


@dataclass(frozen=True)
class NuScenesMap:
    """The shapes of every map class of nuScenes, in one location."""

    shapes: dict[str, tuple[Shape, ...]]

    def masks(self, global_T_lidar: Float64, grid: Grid, taxonomy: Taxonomy) -> Bool:
        """Rasterise the map classes: cells whose centre a polygon holds, dividers two cells wide.

        The grid lies level at the LiDAR's position and heading. The sensor's small tilt is left
        out, as in BEVFusion.

        Args:
            global_T_lidar: (4, 4) pose of the LiDAR.
            grid: The cells, in the LiDAR frame.
            taxonomy: It gives the map classes. A class of several sources is their union.

        Returns:
            (K, Y, X) masks.
        """
        x, y, _ = global_T_lidar[:3, 3]
        lidar_T_global = invert_transform(from_yaw(yaw_of(global_T_lidar), (x, y, 0.0)))[:2]
        reach = (
            np.hypot(max(-grid.x_min_m, grid.x_max_m), max(-grid.y_min_m, grid.y_max_m))
            + 2 * grid.cell_m
        )
        masks = np.zeros((len(taxonomy.map_classes), *grid.shape), np.bool_)
        for mask, one in zip(masks, taxonomy.map_classes, strict=True):
            lines = []
            names = dict.fromkeys((one.name, *one.sources))
            for shape in (shape for name in names for shape in self.shapes.get(name, ())):
                if (shape.low > [x + reach, y + reach]).any() or (
                    shape.high < [x - reach, y - reach]
                ).any():
                    continue
                local = [
                    ring @ lidar_T_global[:, :2].T + lidar_T_global[:, 3] for ring in shape.rings
                ]
                if shape.is_line:
                    lines += local
                else:
                    fill_polygon(mask, grid, local)
            draw_lines(mask, grid, lines)
        return masks


def map_path(root: Path, location: str) -> Path:
    """Find the file of a location's map.

    Args:
        root: Folder of the data set.
        location: Name of the location.

    Raises:
        CalicoError: The location is no plain name.
    """
    if location:
        check_plain_name(location, "location")
    return root / "maps" / "expansion" / f"{location}.json"


def read_map(path: Path) -> NuScenesMap:
    """Reads a map.

    Raises:
        CalicoError: the file is missing, damaged, or refers to a node, line or polygon that it does
            not have.
    """
    if not path.exists():
        raise CalicoError(f"{path}: missing; fetch the nuScenes map expansion")
    content = read_json(path, MAX_MAP_BYTES, "map")
    try:
        return _parse(content)
    except KeyError as error:
        raise CalicoError(f"{path}: refers to {error}, which the map does not have") from error
    except (TypeError, ValueError, AttributeError, OverflowError, IndexError) as error:
        raise CalicoError(f"{path}: not a nuScenes map expansion ({error})") from error


def _parse(content: dict[str, Any]) -> NuScenesMap:
    nodes = {token: _place(row) for token, row in _by_token(content, "node").items()}
    polygons, lines = _by_token(content, "polygon"), _by_token(content, "line")

    def ring(tokens: list[str]) -> Float64:
        return np.array([nodes[token] for token in tokens], np.float64).reshape(-1, 2)

    def shapes(layer: str) -> list[Shape]:
        found = []
        for row in content[layer]:
            if "line_token" in row:
                found.append(_shape([ring(lines[row["line_token"]]["node_tokens"])], is_line=True))
                continue
            for token in row.get("polygon_tokens") or [row["polygon_token"]]:
                polygon = polygons[token]
                holes = [ring(hole["node_tokens"]) for hole in polygon["holes"]]
                found.append(_shape([ring(polygon["exterior_node_tokens"]), *holes], is_line=False))
        return [shape for shape in found if shape is not None]

    return NuScenesMap(
        {name: tuple(s for one in layers for s in shapes(one)) for name, layers in LAYERS.items()}
    )


def _by_token(content: dict[str, Any], layer: str) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    for row in content[layer]:
        if rows.setdefault(row["token"], row) != row:
            raise ValueError(f"the {layer} {row['token']!r} is there twice, and differs")
    return rows


def _place(node: dict[str, Any]) -> tuple[float, float]:
    for axis in ("x", "y"):
        if not is_finite_number(node[axis]):
            raise ValueError(
                f"the node {node['token']!r} has {axis} {str(node[axis])[:80]!r}, expected metres"
            )
    return float(node["x"]), float(node["y"])


def _shape(rings: list[Float64], is_line: bool) -> Shape | None:
    """None for lines and polygons without extent, which some maps have."""
    if len(rings[0]) < (2 if is_line else 3):
        return None
    kept = tuple(ring for ring in rings if len(ring) >= (2 if is_line else 3))
    return Shape(kept, is_line, kept[0].min(axis=0), kept[0].max(axis=0))
