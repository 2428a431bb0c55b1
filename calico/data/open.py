"""From a configuration to its frames."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from calico.config.schema import Config
from calico.data.source import FrameSource
from calico.errors import CalicoError

Split = Literal["train", "val", "test"]


def open_source(config: Config, split: Split) -> FrameSource:
    """The frames of a split. Data sets whose test labels are not public have no "test".

    Raises:
        CalicoError: the data set is not there, or this version has no reader for it.
    """
    data = config.data
    if data.source == "sim":
        from calico.data.sim import SimSource

        return SimSource(
            data.sim, split, config.grid.map, data.cameras, data.sweeps, data.cache_dir
        )
    if data.source == "waymo":
        raise CalicoError(
            "data.source: 'waymo' has no reader in this version, its preset only states grids and shapes; "
            "use sim or nuscenes"
        )
    from calico.data.nuscenes import NuScenesSource

    if split == "test":
        raise CalicoError(f"data.source: '{data.source}' has no test split with labels; use val")
    name = data.train_split if split == "train" else data.val_split
    return NuScenesSource(
        data_root(config),
        data.version,
        name,
        config.grid.map,
        data.cameras,
        data.sweeps,
        data.follow_links,
    )


def data_root(config: Config) -> Path:
    """The data set's folder; raises CalicoError when it is not set or not there."""
    root = config.data.root
    if root is None:
        raise CalicoError(
            f"data.root: not set; data.source '{config.data.source}' needs the folder of the data set: --data-root"
        )
    if not root.is_dir():
        raise CalicoError(
            f"data.root: '{root}' is not a folder; expected the folder of the data set"
        )
    if not (root / config.data.version).is_dir() and (root / "sample_data.json").is_file():
        raise CalicoError(
            f"data.root: '{root}' is the folder of the tables; expected the one above it, which holds {root.name}/ and "
            f"samples/: --data-root {root.parent} --set data.version={root.name}"
        )
    return root
