"""The simulator as a frame source: repeatable bytes, cache, errors."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from calico.data.sim import SimSource
from calico.data.source import FrameSource
from calico.errors import CalicoError
from tests.calico.data.sim.small import GRID, TINY, assert_same


def test_it_is_a_frame_source(source: SimSource) -> None:
    typed: FrameSource = source
    assert len(typed) == 3
    assert len(typed[0].images) == len(typed.cameras) == 6
    assert typed[0].images[0].shape == (24, 64, 3)
    assert typed[0].map_masks is not None
    assert typed[0].map_masks.shape == (6, *GRID.shape)
    assert typed.info(2).token == typed[2].token
    assert typed.info(-1) == typed.info(2)


def test_same_seed_same_bytes_in_another_order(source: SimSource, tmp_path: Path) -> None:
    other = SimSource(TINY, "train", GRID, cache_dir=tmp_path)
    last, first = other[2], other[0]
    assert_same(source[0], first)
    assert_same(source[2], last)


def test_same_bytes_in_a_spawned_process(source: SimSource, tmp_path: Path) -> None:
    other = SimSource(TINY, "train", GRID, cache_dir=tmp_path)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        made = pool.submit(other.__getitem__, 1).result()
    assert_same(source[1], made)


def test_seeds_and_splits_differ(source: SimSource, tmp_path: Path) -> None:
    frame = source[0]
    for other in (
        SimSource(TINY.model_copy(update={"seed": 1}), "train", GRID, cache_dir=tmp_path),
        SimSource(TINY, "val", GRID, cache_dir=tmp_path),
    ):
        assert len(other[0].points) != len(frame.points) or not np.array_equal(
            other[0].points, frame.points
        )
        assert other[0].token != frame.token
        assert other.content_hash() != source.content_hash()


def test_number_of_scenes_changes_the_hash_but_no_frame(source: SimSource, tmp_path: Path) -> None:
    more = SimSource(TINY.model_copy(update={"train_scenes": 4}), "train", GRID, cache_dir=tmp_path)
    assert more.content_hash() != source.content_hash()
    assert_same(more[1], source[1])


def test_prepare_fills_the_cache_and_tells_progress(source: SimSource, tmp_path: Path) -> None:
    other = SimSource(TINY, "train", GRID, cache_dir=tmp_path)
    seen: list[tuple[int, int]] = []
    other.prepare(1, lambda done, total: seen.append((done, total)))
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert len(list(tmp_path.rglob("*.npz"))) == 3
    assert not list(tmp_path.rglob("*.tmp"))
    assert_same(other[1], source[1])


def test_prepare_with_workers_gives_the_same_frames(source: SimSource, tmp_path: Path) -> None:
    other = SimSource(TINY, "train", GRID, cache_dir=tmp_path)
    other.prepare(2)
    assert len(list(tmp_path.rglob("*.npz"))) == 3
    assert_same(other[2], source[2])


def test_previous_walks_back_to_the_start_of_the_scene(source: SimSource) -> None:
    frame = source[2]
    assert frame.previous is not None
    before = frame.previous()
    assert before is not None
    assert_same(before, source[1])
    assert source[0].previous is None
    revived = pickle.loads(pickle.dumps(frame)).previous
    assert revived is not None
    assert_same(revived(), source[1])


def test_mistakes_are_explained(source: SimSource) -> None:
    with pytest.raises(CalicoError, match="expected one of train, val, test"):
        SimSource(TINY, "dev", GRID)  # type: ignore[arg-type]
    with pytest.raises(CalicoError, match="unknown camera 'CAM_UP'"):
        SimSource(TINY, "val", GRID, cameras=("CAM_FRONT", "CAM_UP"))
    with pytest.raises(CalicoError, match="got no cameras"):
        SimSource(TINY, "val", GRID, cameras=())
    with pytest.raises(CalicoError, match="expected 1 to 10"):
        SimSource(TINY, "val", GRID, sweeps=11)
    with pytest.raises(IndexError):
        source[3]
