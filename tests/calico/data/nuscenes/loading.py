"""The messages of data sets that cannot be loaded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from calico.config.data import DataConfig
from calico.config.schema import Config
from calico.data.nuscenes import NuScenesSource
from calico.errors import CalicoError
from calico.geometry.grid import Grid

Edit = Callable[[str, Callable[[list[dict]], object]], None]


GRID = Grid(-8, 8, -8, 8, 1)


def complaint(root: Path, index: int = 0, **settings: object) -> str:
    """The message of loading a frame."""
    options = {"version": "v1.0-mini", "split": "train", "map_grid": GRID, **settings}
    with pytest.raises(CalicoError) as error:
        _ = NuScenesSource(root, **options)[index]  # type: ignore[arg-type]
    return str(error.value)


def complaint_of_scene(root: Path, sweeps: int = 2) -> str:
    """The message of loading both frames of a scene."""
    with pytest.raises(CalicoError) as error:
        [frame.points for frame in NuScenesSource(root, "v1.0-mini", "train", None, sweeps=sweeps)]
    assert "\n" not in str(error.value)
    return str(error.value)


def config(root: Path, **settings: Any) -> Config:
    return Config(data=DataConfig(source="nuscenes", root=root, **settings))
