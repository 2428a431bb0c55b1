"""What the place of the data decides in a configuration: the source, cameras and classes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from calico.config.load import load_config, read_settings
from calico.config.schema import Config
from calico.data.layouts import READABLE, detect_layout, find_versions
from calico.errors import CalicoError
from calico.extras import find_missing


def resolve_config(
    base: str | Config,
    file: Path | None = None,
    assignments: tuple[str, ...] = (),
    flags: Mapping[str, Any] | None = None,
) -> Config:
    """Resolve a configuration whose data may lie in any folder that CALICO can read.

    Where the user names the data's folder and not its format, the layout of the folder decides
    `data.source`, and, where nothing else is asked for, the cameras. The classes follow the data if
    `base` is a preset. Those of a model are its own.

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
    source = data.get("source", found.get("data.source"))
    if source != found.get("data.source"):
        found = {}
    return load_config(load_config(start, None, (), found), file, assignments, flags)


def fit_settings(root: Path, start: Config, *, is_model: bool = False) -> dict[str, Any]:
    """Find the settings that a data set's folder decides.

    Args:
        root: The folder.
        start: Settings that hold otherwise.
        is_model: Whether they are those of a model, whose classes stay.

    Returns:
        Dotted keys to values.

    Raises:
        CalicoError: The layout is unknown, or has to be converted first.
    """
    layout = detect_layout(root)
    if layout not in READABLE:
        raise CalicoError(
            f"data '{root}': is in the layout '{layout}', which is converted first: calico data "
            f"convert --from {layout} --data-root {root} --to folder --out DIR"
        )
    found: dict[str, Any] = {"data.root": root, "data.source": READABLE[layout]}
    if layout == "nuscenes":
        versions = find_versions(root)
        if start.data.version not in versions and len(versions) == 1:
            found["data.version"] = versions[0]
    elif layout == "folder":
        found |= _fit_folder(root, start, is_model)
    else:
        found |= _fit_waymo(start, is_model)
    return found


def _fit_folder(root: Path, start: Config, is_model: bool) -> dict[str, Any]:
    from calico.config.taxonomy import describe_taxonomy
    from calico.data.folder.index import read_first_calibration
    from calico.data.folder.layout import find_taxonomy

    found: dict[str, Any] = {}
    if not find_missing("folder"):  # else the reader says what is not installed
        there = tuple(one.name for one in read_first_calibration(root).cameras)
        if not set(there) & set(start.data.cameras):
            found["data.cameras"] = there
    taxonomy = None if is_model else find_taxonomy(root)
    if taxonomy is not None:
        found["taxonomy"] = describe_taxonomy(taxonomy)
    return found


def _fit_waymo(start: Config, is_model: bool) -> dict[str, Any]:
    from calico.data.waymo.records import CAMERA_NAMES

    found: dict[str, Any] = {}
    if not set(CAMERA_NAMES.values()) & set(start.data.cameras):
        found["data.cameras"] = tuple(CAMERA_NAMES.values())
    if not is_model:
        found["taxonomy"] = "waymo"
    return found
