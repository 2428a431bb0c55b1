"""The map expansion: maps/expansion/<location>.json, rasterised around the vehicle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from calico.data.nuscenes.paths import check_plain_name
from calico.data.nuscenes.values import is_finite_number
from calico.errors import CalicoError
from calico.files import read_json
from calico.frame import Float64
from calico.geometry.vector_map import Shape, VectorMap, make_shape

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


def read_map(path: Path) -> VectorMap:
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


def _parse(content: dict[str, Any]) -> VectorMap:
    nodes = {token: _place(row) for token, row in _by_token(content, "node").items()}
    polygons, lines = _by_token(content, "polygon"), _by_token(content, "line")

    def ring(tokens: list[str]) -> Float64:
        return np.array([nodes[token] for token in tokens], np.float64).reshape(-1, 2)

    def shapes(layer: str) -> list[Shape]:
        found = []
        for row in content[layer]:
            if "line_token" in row:
                line = ring(lines[row["line_token"]]["node_tokens"])
                found.append(make_shape([line], is_line=True))
                continue
            for token in row.get("polygon_tokens") or [row["polygon_token"]]:
                polygon = polygons[token]
                holes = [ring(hole["node_tokens"]) for hole in polygon["holes"]]
                rings = [ring(polygon["exterior_node_tokens"]), *holes]
                found.append(make_shape(rings, is_line=False))
        return [shape for shape in found if shape is not None]

    return VectorMap(
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
