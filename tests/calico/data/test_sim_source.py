"""The simulator as a frame source: repeatable bytes, cache, errors."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from calico.config.schema import SimConfig
from calico.data.sim import SimSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico.geometry.grid import Grid

GRID = Grid(-32, 32, -32, 32, 0.5)
TINY = SimConfig(train_scenes=1, val_scenes=1, frames_per_scene=3, image_size=(24, 64))


def same(a: Frame, b: Frame) -> bool:
    names = ("points", "ring", "sweep_index", "sweep_T", "camera_K", "camera_T_lidar", "global_T_lidar", "map_masks")
    return (
        all(np.array_equal(getattr(a, name), getattr(b, name)) for name in names)
        and all(np.array_equal(x, y) for x, y in zip(a.images, b.images, strict=True))
        and np.array_equal(a.boxes.boxes, b.boxes.boxes)
        and a.boxes.instances == b.boxes.instances
        and (a.token, a.scene, a.timestamp_s) == (b.token, b.scene, b.timestamp_s)
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> SimSource:
    return SimSource(TINY, "train", GRID, cache_dir=tmp_path_factory.mktemp("sim"))


def test_same_seed_same_bytes_in_another_order(source: SimSource, tmp_path: Path) -> None:
    other = SimSource(TINY, "train", GRID, cache_dir=tmp_path)
    last, first = other[2], other[0]
    assert same(source[0], first)
    assert same(source[2], last)


def test_unknown_split_says_what_is_expected() -> None:
    with pytest.raises(CalicoError, match="'train' or 'val'"):
        SimSource(TINY, "test", GRID)  # type: ignore[arg-type]


def test_pickled_source_gives_the_same_frame(source: SimSource) -> None:
    assert same(pickle.loads(pickle.dumps(source))[1], source[1])
