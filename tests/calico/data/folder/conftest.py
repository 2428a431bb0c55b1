"""Simulated frames of two splits, and the folder that they were written to."""

from __future__ import annotations

from pathlib import Path

import pytest

from calico.config.data import SimConfig
from calico.data.folder import write_folder
from calico.data.sim import SimSource
from calico.geometry.grid import Grid

GRID = Grid(-16.0, 16.0, -16.0, 16.0, 0.5)
SIM = SimConfig(train_scenes=1, val_scenes=2, frames_per_scene=2, image_size=(24, 48))
CAMERAS = ("CAM_FRONT", "CAM_BACK")


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SimSource]:
    cache = tmp_path_factory.mktemp("frames")
    return {
        split: SimSource(SIM, split, GRID, CAMERAS, sweeps=2, cache_dir=cache)
        for split in ("train", "val")
    }


@pytest.fixture(scope="session")
def written(simulated: dict[str, SimSource], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that tests read and do not change."""
    out = tmp_path_factory.mktemp("folder") / "data"
    write_folder(simulated, out, name="fleet")
    return out
