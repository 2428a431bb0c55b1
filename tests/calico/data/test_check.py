"""`check_data` and `open_source` on the simulator."""

from __future__ import annotations

from pathlib import Path

from calico.config.data import DataConfig, SimConfig
from calico.config.model import GridConfig
from calico.config.schema import Config
from calico.data.check import check_data
from calico.data.open import open_source
from calico.taxonomy import CAMERAS


def small(cache: Path) -> Config:
    sim = SimConfig(train_scenes=2, val_scenes=1, frames_per_scene=1, image_size=(32, 64))
    grid = GridConfig(map_x_range_m=(-8, 8), map_y_range_m=(-4, 4), map_cell_m=1.0)
    return Config(data=DataConfig(cache_dir=cache, sim=sim), grid=grid)


def test_simulator(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    report = check_data(small(tmp_path), progress=lambda done, total: calls.append((done, total)))
    assert report.ok
    assert calls == [(1, 3), (2, 3), (3, 3)]
    facts = dict(report.facts)
    assert facts["train"].endswith("2 scenes, 2 frames")
    assert facts["val"].endswith("1 scenes, 1 frames")
    assert facts["cameras"] == ", ".join(CAMERAS)
    assert facts["train maps"] == "yes"
    assert "car" in facts["train objects"]


def test_open_source_takes_grid_and_sizes_of_the_configuration(tmp_path: Path) -> None:
    source = open_source(small(tmp_path), "val")
    frame = source[0]
    assert len(source) == 1
    assert frame.map_masks is not None
    assert frame.map_masks.shape == (6, 8, 16)
    assert frame.images[0].shape == (32, 64, 3)
