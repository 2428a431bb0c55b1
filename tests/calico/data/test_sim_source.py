"""The simulator as a frame source: repeatable bytes, cache, errors."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from calico.config.data import SimConfig
from calico.data.sim import SimSource
from calico.data.sim.cache import default_cache_dir, load_frame
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico.geometry.grid import Grid

GRID = Grid(-32, 32, -32, 32, 0.5)
TINY = SimConfig(train_scenes=1, val_scenes=1, frames_per_scene=3, image_size=(24, 64))
ARRAYS = ("points", "ring", "sweep_index", "sweep_T", "camera_K", "camera_T_lidar", "camera_time_s", "ego_T_lidar")
BOXES = ("boxes", "labels", "attributes", "num_points")


def assert_same(a: Frame, b: Frame) -> None:
    for name in (*ARRAYS, "global_T_lidar", "map_masks"):
        first, second = getattr(a, name), getattr(b, name)
        assert first.dtype == second.dtype, name
        assert np.array_equal(first, second), name
    for name in BOXES:
        assert np.array_equal(getattr(a.boxes, name), getattr(b.boxes, name)), name
    assert all(np.array_equal(x, y) for x, y in zip(a.images, b.images, strict=True))
    assert (a.token, a.scene, a.timestamp_s, a.boxes.instances) == (b.token, b.scene, b.timestamp_s, b.boxes.instances)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> SimSource:
    return SimSource(TINY, "train", GRID, cache_dir=tmp_path_factory.mktemp("sim"))


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
        assert len(other[0].points) != len(frame.points) or not np.array_equal(other[0].points, frame.points)
        assert other[0].token != frame.token
        assert other.content_hash() != source.content_hash()


def test_number_of_scenes_changes_the_hash_but_no_frame(source: SimSource, tmp_path: Path) -> None:
    more = SimSource(TINY.model_copy(update={"train_scenes": 4}), "train", GRID, cache_dir=tmp_path)
    assert more.content_hash() != source.content_hash()
    assert_same(more[1], source[1])


def test_second_reading_comes_from_the_cache(tmp_path: Path) -> None:
    first = SimSource(TINY, "train", GRID, cache_dir=tmp_path)[0]
    (path,) = tmp_path.rglob("*.npz")
    written = path.stat().st_mtime_ns
    assert_same(SimSource(TINY, "train", GRID, cache_dir=tmp_path)[0], first)
    assert path.stat().st_mtime_ns == written


@pytest.mark.parametrize("damage", ["cut", "garbage", "flipped"])
def test_broken_cache_file_is_made_anew(source: SimSource, tmp_path: Path, damage: str) -> None:
    other = SimSource(TINY, "train", GRID, cache_dir=tmp_path)
    _ = other[0]
    (path,) = tmp_path.rglob("*.npz")
    whole = path.read_bytes()
    middle = len(whole) // 2
    broken = {"cut": whole[:middle], "garbage": b"no zip", "flipped": whole[:middle] + b"~" * 64 + whole[middle + 64 :]}
    path.write_bytes(broken[damage])
    assert load_frame(path) is None
    assert_same(other[0], source[0])
    assert load_frame(path) is not None


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


def test_default_cache_is_in_the_users_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_dir() == tmp_path / "calico" / "sim"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache_dir() == Path.home() / ".cache" / "calico" / "sim"


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
