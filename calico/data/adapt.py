"""What the place of the data decides in a configuration: the source, cameras and classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from calico.config.load import load_config, read_settings
from calico.config.schema import Config
from calico.config.taxonomy import describe_taxonomy
from calico.data.layouts import SOURCE_OF, Layout, detect_layout, find_versions
from calico.errors import CalicoError
from calico.extras import find_missing
from calico.taxonomy import WAYMO, Taxonomy


def resolve_config(
    base: str | Config,
    file: Path | None = None,
    assignments: tuple[str, ...] = (),
    flags: Mapping[str, Any] | None = None,
) -> Config:
    """Resolve a configuration whose data may lie in any folder that CALICO can read.

    If the user names the data's folder and not its format, the layout of the folder decides
    `data.source`, and the cameras if none are asked for. The classes follow the data if
    `base` is a preset, and so does whether there is a map head. Those of a model are its own.

    Args:
        base: Name of a preset, or the configuration of a model.
        file: See `calico.config.load.load_config`.
        assignments: See `load_config`.
        flags: See `load_config`.

    Raises:
        CalicoError: Settings are wrong, or the folder's layout is not one that can be read.
    """
    asked = read_settings(file, assignments, flags)
    data = asked.get("data")
    data = data if isinstance(data, dict) else {}
    root = data.get("root")
    if not isinstance(root, str | Path) or data.get("source") == "sim":
        return load_config(base, file, assignments, flags)
    start = load_config(base)
    try:
        found = fit_settings(Path(root), start, is_model=isinstance(base, Config))
    except CalicoError:
        if data.get("source", start.data.source) == "sim":
            raise
        found = {}  # the reader that is asked for says what it misses
    waymo = data.get("waymo")
    if isinstance(waymo, dict) and waymo.get("map_root"):
        found.pop("model.map", None)  # maps come from there
    source = data.get("source", found.get("data.source"))
    if source != found.get("data.source"):
        found = {}
    removed = tuple(f"{key}=null" for key, value in found.items() if value is None)
    return load_config(load_config(start, None, removed, found), file, assignments, flags)


def fit_settings(root: Path, start: Config, *, is_model: bool = False) -> dict[str, Any]:
    """Find the settings that a data set's folder decides.

    Args:
        root: The folder.
        start: Settings that hold otherwise.
        is_model: Whether they are those of a model, whose classes stay.

    Returns:
        Dotted keys to values. None removes what the setting is about.

    Raises:
        CalicoError: The layout is unknown.
    """
    layout = detect_layout(root)
    found: dict[str, Any] = {"data.root": root, "data.source": SOURCE_OF[layout]}
    if layout == "nuscenes":
        versions = find_versions(root)
        if start.data.version not in versions and len(versions) == 1:
            found["data.version"] = versions[0]
        return found
    if layout == "waymo-v2" and not is_model:
        found["model.map"] = None  # version 2 has no maps
    cameras, taxonomy = _READERS[layout](root)
    if cameras is not None:
        shared = set(cameras) & set(start.data.cameras)
        if not shared or (not is_model and shared != set(start.data.cameras)):
            found["data.cameras"] = cameras
    if taxonomy is not None and not is_model:
        found["taxonomy"] = describe_taxonomy(taxonomy)
    return found


Rig = tuple[tuple[str, ...] | None, Taxonomy | None]
"""Cameras and classes of a data set; None where nothing is known of them."""


def _look_at_folder(root: Path) -> Rig:
    from calico.data.folder.layout import find_taxonomy

    if find_missing("folder"):  # the reader says what is not installed
        return None, find_taxonomy(root)
    from calico.data.folder.index import read_first_calibration

    cameras = tuple(one.name for one in read_first_calibration(root).cameras)
    return cameras, find_taxonomy(root)


def _look_at_waymo(root: Path) -> Rig:
    from calico.data.waymo.records import CAMERA_NAMES

    return tuple(CAMERA_NAMES.values()), WAYMO


def _look_at_kitti(root: Path) -> Rig:
    from calico.data.kitti.source import ALL_TYPES, list_cameras

    return list_cameras(root), ALL_TYPES


def _look_at_argoverse(root: Path) -> Rig:
    from calico.data.argoverse.taxonomy import ARGOVERSE2

    if find_missing("folder"):
        return None, ARGOVERSE2
    from calico.data.argoverse.log import Log
    from calico.data.argoverse.source import find_logs

    return Log(find_logs(root, "all")[0]).cameras(), ARGOVERSE2


_READERS: dict[Layout, Callable[[Path], Rig]] = {
    "folder": _look_at_folder,
    "waymo-v1": _look_at_waymo,
    "waymo-v2": _look_at_waymo,
    "kitti": _look_at_kitti,
    "argoverse2": _look_at_argoverse,
}
