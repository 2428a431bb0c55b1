"""Names of the files and columns of the plain layout, and its first file, dataset.json."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast

import yaml
from pydantic import ValidationError

from calico.config.taxonomy import TaxonomyConfig, describe_taxonomy
from calico.data.folder.tables import Column
from calico.errors import CalicoError
from calico.files import read_json, read_yaml, to_json
from calico.geometry.grid import Grid
from calico.taxonomy import Taxonomy

DATASET, TAXONOMY, CALIBRATION = "dataset.json", "taxonomy.yaml", "calibration.json"
FRAMES, SWEEPS, IMAGES, BOXES = (
    "frames.parquet",
    "sweeps.parquet",
    "images.parquet",
    "boxes.parquet",
)
LAYOUT, VERSION = "calico-folder", 1
CONDITION = "condition."
"""Columns of frames.parquet that begin so hold weather, time of day and the like."""
LIDAR = "lidar"
"""Name of the LiDAR where a rig has one and names none."""
MAX_JSON_BYTES = 1 << 20
MAX_TEXT = 1000
Axes = Literal["lidar", "ego"]

COLUMNS: dict[str, tuple[Column, ...]] = {
    FRAMES: (
        Column("token", "text", required=True),
        Column("scene", "text", required=True),
        Column("timestamp_s", "number", required=True),
        Column("split", "text"),
        Column("global_T_ego", "pose"),
        Column("calibration", "text"),
        Column("map", "text"),
    ),
    SWEEPS: (
        Column("token", "text", required=True),
        Column("path", "text", required=True),
        Column("lidar", "text"),
        Column("sweep", "integer", missing=0),
        Column("age_s", "number", missing=0.0),
        Column("global_T_ego", "pose"),
    ),
    IMAGES: (
        Column("token", "text", required=True),
        Column("camera", "text", required=True),
        Column("path", "text", required=True),
        Column("time_s", "number"),
        Column("global_T_ego", "pose"),
    ),
    BOXES: (
        Column("token", "text", required=True),
        Column("category", "text", required=True),
        *(
            Column(name, "number", required=True)
            for name in ("x", "y", "z", "length", "width", "height", "yaw")
        ),
        Column("vx", "number"),
        Column("vy", "number"),
        Column("num_points", "integer", missing=-1),
        Column("attribute", "text"),
        Column("instance", "text"),
        Column("difficulty", "integer", missing=0),
        Column("camera_synced", "list7"),
    ),
}
"""Columns of the tables. docs/guides/own_data.md says what they mean."""


@dataclass(frozen=True)
class Description:
    """What dataset.json says.

    Attributes:
        name: Name of the data set, for reports.
        boxes_in: Frame of the boxes: "lidar" or "ego".
        map_grid: Grid of the map masks; None without maps.
        map_classes: Classes of the masks, in the order of their first axis.
    """

    name: str
    boxes_in: Axes = "lidar"
    map_grid: Grid | None = None
    map_classes: tuple[str, ...] = ()

    def to_text(self) -> str:
        """Write the content of dataset.json."""
        content: dict[str, Any] = {
            "layout": LAYOUT,
            "version": VERSION,
            "name": self.name,
            "boxes_in": self.boxes_in,
        }
        if self.map_grid is not None:
            content["map"] = {"grid": asdict(self.map_grid), "classes": list(self.map_classes)}
        return to_json(content)


def read_description(root: Path) -> Description:
    """Read dataset.json.

    Args:
        root: Folder of the data set.

    Raises:
        CalicoError: The file is missing or damaged, or is of a later version.
    """
    path = root / DATASET
    content = read_json(path, MAX_JSON_BYTES, "data set")
    if not isinstance(content, dict) or content.get("layout") != LAYOUT:
        raise CalicoError(f"{path}: expected an object with the key 'layout' of value '{LAYOUT}'")
    if content.get("version") != VERSION:
        raise CalicoError(
            f"{path}: version is {ascii(content.get('version'))[:20]}, expected {VERSION}, which "
            "this version of CALICO reads"
        )
    known = {"layout", "version", "name", "boxes_in", "map"}
    check_keys(content, known, f"{path}")
    name, boxes_in = content.get("name", root.name), content.get("boxes_in", "lidar")
    check_text(name, f"{path}: name")
    if boxes_in not in ("lidar", "ego"):
        raise CalicoError(f"{path}: boxes_in is {ascii(boxes_in)[:40]}, expected 'lidar' or 'ego'")
    axes = cast(Axes, boxes_in)
    if content.get("map") is None:
        return Description(name, axes)
    return Description(name, axes, *_read_map(content["map"], f"{path}: map"))


def _read_map(content: object, where: str) -> tuple[Grid, tuple[str, ...]]:
    """Read grid and classes of the masks."""
    if not isinstance(content, dict):
        raise CalicoError(f"{where}: expected an object with the keys grid and classes")
    check_keys(content, {"grid", "classes"}, where)
    grid, classes = content.get("grid"), content.get("classes")
    names = ("x_min_m", "x_max_m", "y_min_m", "y_max_m", "cell_m")
    if not isinstance(grid, dict) or set(grid) != set(names):
        raise CalicoError(f"{where}: grid has to have exactly the keys {', '.join(names)}")
    for name in names:
        if not is_number(grid[name]):
            raise CalicoError(
                f"{where}: grid.{name} is {ascii(grid[name])[:40]}, expected a number"
            )
    if not isinstance(classes, list) or not 1 <= len(classes) <= 64:
        raise CalicoError(f"{where}: classes is no list of 1 to 64 names")
    for one in classes:
        check_text(one, f"{where}: a class")
    if len(set(classes)) < len(classes):
        raise CalicoError(f"{where}: classes name one twice")
    try:
        return Grid(**{name: float(grid[name]) for name in names}), tuple(classes)
    except CalicoError as error:
        raise CalicoError(f"{where}: {error}") from None


def find_taxonomy(root: Path) -> Taxonomy | None:
    """Read taxonomy.yaml; None where the folder has none.

    Args:
        root: Folder of the data set.

    Raises:
        CalicoError: The file is damaged, or describes no taxonomy.
    """
    path = root / TAXONOMY
    if not path.exists():
        return None
    content = read_yaml(path, MAX_JSON_BYTES, "taxonomy")
    if isinstance(content, dict) and set(content) == {"taxonomy"}:
        content = content["taxonomy"]  # a part of a configuration, as the guide shows it
    if content is None:
        raise CalicoError(f"taxonomy {path}: is empty, expected classes")
    try:
        return TaxonomyConfig.model_validate(content).build()
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        key = ".".join(ascii(str(part))[1:-1][:80] for part in fault["loc"])
        message = " ".join(fault["msg"].removeprefix("Value error, ").split())
        raise CalicoError(f"taxonomy {path}: {key}: {message[:400]}") from None


def write_taxonomy(taxonomy: Taxonomy) -> str:
    """Write the content of taxonomy.yaml, which is also a part of a configuration."""
    described = TaxonomyConfig.model_validate(describe_taxonomy(taxonomy)).model_dump(mode="json")
    text: str = yaml.safe_dump(
        {"taxonomy": described}, sort_keys=False, default_flow_style=None, width=100
    )
    return text


def check_keys(content: dict[str, Any], known: set[str], where: str) -> None:
    """Check that an object has no other keys than those that are known.

    Args:
        content: The object.
        known: Names of its keys.
        where: Its place, for the message.

    Raises:
        CalicoError: It has another one, which is probably a slip of the pen.
    """
    strange = sorted(set(content) - known)
    if strange:
        raise CalicoError(
            f"{where}: unknown key {ascii(strange[0])[:80]}; known are {', '.join(sorted(known))}"
        )


def check_text(value: object, where: str) -> None:
    """Check that a value is a printable text of sensible length.

    Args:
        value: The value.
        where: Its place, for the message.

    Raises:
        CalicoError: It is none.
    """
    if not isinstance(value, str) or not value or len(value) > MAX_TEXT or not value.isprintable():
        raise CalicoError(
            f"{where} is {ascii(value)[:80]}, expected 1 to {MAX_TEXT} printable characters"
        )


def is_number(value: object) -> bool:
    """Whether a value of a JSON file is a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)
