"""A configuration opens its frames."""

from __future__ import annotations

from pathlib import Path

import pytest

from calico.config.data import DataConfig
from calico.config.load import load_config
from calico.config.model import GridConfig
from calico.config.schema import Config
from calico.data.check import check_data
from calico.data.open import open_source
from calico.errors import CalicoError


def test_waymo_says_what_it_misses(tmp_path: Path) -> None:
    bad = load_config("waymo", None, (), {"data.root": tmp_path})
    assert "has no folder training" in check_data(bad).problems[0]


def test_open_source_follows_the_configuration(tiny: Path) -> None:
    grid = GridConfig(map_x_range_m=(-8, 8), map_y_range_m=(-4, 4), map_cell_m=1.0)
    both = Config(
        data=DataConfig(source="nuscenes", root=tiny, cameras=("CAM_BACK",), sweeps=2), grid=grid
    )
    train, val = open_source(both, "train"), open_source(both, "val")
    assert train.info(0).scene == "scene-0061"
    assert val.info(0).scene == "scene-0103"
    frame = val[1]
    assert len(frame.images) == 1
    assert len(frame.sweep_T) == 2
    assert frame.map_masks is not None
    assert frame.map_masks.shape == (6, 8, 16)


@pytest.mark.parametrize("layout", ["kitti", "argoverse2"])
def test_sweeps_that_a_layout_does_not_have_are_refused(layout: str, tmp_path: Path) -> None:
    asked = load_config("tiny", None, (f"data.source={layout}",), {"data.root": tmp_path})
    asked = load_config(asked, None, ("data.sweeps=3",))
    with pytest.raises(CalicoError, match="read one sweep at a time; expected 1"):
        open_source(asked, "val")
