"""From a configuration to its frames."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, cast

from calico.config.schema import Config
from calico.data.layouts import detect_layout
from calico.data.root import find_data_root
from calico.data.source import FrameSource
from calico.errors import CalicoError

Split = Literal["train", "val", "test"]
_PRESET_OF = {"nuscenes": "nuscenes", "waymo-v1": "waymo", "waymo-v2": "waymo"}


def open_data(
    data: str | Path = "sim",
    split: Split = "val",
    *,
    config: str | Config | None = None,
    settings: Sequence[str] = (),
) -> FrameSource:
    """Open a data set by its place: frames by index, with ground truth.

    Args:
        data: "sim" for the embedded simulator, or the folder of a data set in nuScenes' layout, in
            Waymo's (version 1 or 2), or in the plain one (docs/guides/own_data.md).
        split: "train", "val" or "test".
        config: Name of a preset, or a configuration, e.g. that of a model, whose map grid and
            cameras the frames then have. Default: "nuscenes" and "waymo" for their layouts, else
            "tiny". A folder with a single version of the tables is opened at that version.
        settings: Single settings as KEY=VALUE, as with --set, e.g. "data.sim.val_scenes=2".

    Returns:
        The frames: `len(source)`, `source[0]`.

    Raises:
        CalicoError: The data set is not there, or a setting is wrong.

    Example:
        >>> source = open_data("sim", settings=["data.sim.val_scenes=2"])
        >>> len(source)
        10
    """
    from calico.config.load import load_config

    if data == "sim":
        return open_source(
            load_config(config or "tiny", None, ["data.source=sim", *settings]), split
        )
    from calico.data.adapt import resolve_config

    root = Path(data)
    preset = _PRESET_OF.get(detect_layout(root), "tiny")
    return open_source(
        resolve_config(config or preset, None, tuple(settings), {"data.root": root}), split
    )


def open_source(
    config: Config, split: Split, progress: Callable[[int, int], None] | None = None
) -> FrameSource:
    """Open the frames of a split.

    Args:
        config: Configuration of the data.
        split: "train", "val" or "test". Data sets whose test labels are not public have no "test".
        progress: Called with (percent done, 100) while large tables are indexed for the first time.

    Raises:
        CalicoError: The data set is not there, or this version has no reader for it.
    """
    data = config.data
    if data.source == "sim":
        from calico.data.sim import SimSource

        return SimSource(
            data.sim,
            split,
            config.grid.map,
            data.cameras,
            data.sweeps,
            data.cache_dir,
            config.taxonomy.build(),
        )
    name = data.train_split if split == "train" else data.val_split
    if data.source == "folder":
        from calico.data.folder import FolderSource

        return FolderSource(
            find_data_root(config),
            "test" if split == "test" else name,
            config.grid.map,
            data.cameras,
            data.sweeps,
            data.follow_links,
            config.taxonomy.build(),
        )
    if data.source in ("kitti", "argoverse2"):
        return _open_single_sweeps(config, "test" if split == "test" else name)
    if split == "test":
        raise CalicoError(f"data.source: '{data.source}' has no test split with labels; use val")
    if data.source == "waymo":
        from calico.data.waymo.source import open_split

        return open_split(config, split)
    from calico.data.nuscenes import NuScenesSource

    return NuScenesSource(
        find_data_root(config),
        data.version,
        name,
        config.grid.map,
        data.cameras,
        data.sweeps,
        data.follow_links,
        config.taxonomy.build(),
        data.cache_dir,
        progress=progress,
    )


def _open_single_sweeps(config: Config, split: str) -> FrameSource:
    """Open a layout whose frames are read without older sweeps."""
    from calico.data.argoverse import ArgoverseSource
    from calico.data.kitti import KittiSource

    data = config.data
    if data.sweeps > 1:
        raise CalicoError(
            f"data.sweeps: {data.sweeps}, but the layout '{data.source}' is read one sweep at a "
            "time; expected 1. A folder that `calico data convert` makes of it takes sweeps from "
            "the frames before"
        )
    reader = KittiSource if data.source == "kitti" else ArgoverseSource
    return reader(find_data_root(config), split, data.cameras, config.taxonomy.build())


def open_named(config: Config, split: str) -> FrameSource:
    """Open the frames of any split of a data set.

    Args:
        config: Configuration of the data.
        split: "train" or "val", which are those of the configuration, "test", or another name that
            the data set knows: a split, a scene or "all".

    Raises:
        CalicoError: See `open_source`.
    """
    if split in ("train", "val", "test"):
        return open_source(config, cast(Split, split))
    if config.data.source == "sim":
        raise CalicoError(f"--split {split}: sim has the splits train, val and test")
    data = config.data.model_copy(update={"val_split": split})
    return open_source(config.model_copy(update={"data": data}), "val")
