"""The simulator as a frame source: repeatable bytes, cache, errors."""

from __future__ import annotations

import io
import os
import pickle
import random
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calico.config.data import SimConfig
from calico.data.sim import SimSource
from calico.data.sim.cache import default_cache_dir, load_frame
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.files import seal_zip
from calico.frame import Frame
from calico.geometry.grid import Grid
from calico.taxonomy import NUSCENES

GRID = Grid(-32, 32, -32, 32, 0.5)
TINY = SimConfig(train_scenes=1, val_scenes=1, frames_per_scene=3, image_size=(24, 64))
ARRAYS = (
    "points",
    "ring",
    "sweep_index",
    "sweep_T",
    "camera_K",
    "camera_T_lidar",
    "camera_time_s",
    "ego_T_lidar",
)
BOXES = ("boxes", "labels", "attributes", "num_points")


def assert_same(a: Frame, b: Frame) -> None:
    for name in (*ARRAYS, "global_T_lidar", "map_masks"):
        first, second = getattr(a, name), getattr(b, name)
        assert first.dtype == second.dtype, name
        assert np.array_equal(first, second), name
    for name in BOXES:
        assert np.array_equal(getattr(a.boxes, name), getattr(b.boxes, name)), name
    assert all(np.array_equal(x, y) for x, y in zip(a.images, b.images, strict=True))
    assert (a.token, a.scene, a.timestamp_s, a.boxes.instances) == (
        b.token,
        b.scene,
        b.timestamp_s,
        b.boxes.instances,
    )


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
        assert len(other[0].points) != len(frame.points) or not np.array_equal(
            other[0].points, frame.points
        )
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


def _stored(path: Path) -> dict[str, Any]:
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def _write(path: Path, arrays: dict[str, Any], *, sealed: bool = True) -> None:
    stream = io.BytesIO()
    np.savez(stream, **arrays)
    path.write_bytes(seal_zip(stream.getvalue()) if sealed else stream.getvalue())


def _pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


DAMAGE: dict[str, Callable[[Path, Path], object]] = {
    "cut": lambda path, other: path.write_bytes(path.read_bytes()[:9000]),
    "garbage": lambda path, other: path.write_bytes(b"no zip"),
    "a pipe": lambda path, other: _pipe(path),
    "another frame's file": lambda path, other: path.write_bytes(other.read_bytes()),
    "no seal": lambda path, other: _write(
        path, _stored(path) | {"points": _stored(path)["points"] + 5}, sealed=False
    ),
    "another world's": lambda path, other: _write(
        path, _stored(path) | {"name": [*_stored(path)["name"][:2], "x"]}
    ),
    "points of another shape": lambda path, other: _write(
        path, _stored(path) | {"points": np.zeros(3)}
    ),
    "nothing in it": lambda path, other: _write(path, {}),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_cached_file_that_cannot_be_trusted_is_made_anew(
    source: SimSource, tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    mine = SimSource(TINY, "train", GRID, cache_dir=tmp_path)
    first, second = (mine._path(index) for index in (0, 1))
    for path, index in ((first, 0), (second, 1)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source._path(index).read_bytes() if source[index] else b"")
    DAMAGE[damage](first, second)
    assert_same(mine[0], source[0])
    told = [record.getMessage() for record in caplog.records]
    assert all(str(first) in message and "rendered again" in message for message in told)
    assert len(told) <= 1
    assert bool(told) == (
        damage not in ("no seal", "garbage", "cut")
    )  # those may be of an earlier version
    caplog.clear()
    assert_same(mine[0], source[0])
    assert not caplog.records


def test_no_flipped_bit_is_accepted(source: SimSource, tmp_path: Path) -> None:
    """The whole file is covered: its checksum is that of the content."""
    token, path = source[0].token, source._path(0)
    content = bytearray(path.read_bytes())
    damaged = tmp_path / path.name
    for bit in random.Random(0).sample(range(8 * len(content)), 400):
        content[bit // 8] ^= 1 << bit % 8
        damaged.write_bytes(content)
        assert load_frame(damaged, token, path.parent.name, NUSCENES) is None
        content[bit // 8] ^= 1 << bit % 8
    damaged.write_bytes(content)
    assert load_frame(damaged, token, path.parent.name, NUSCENES) is not None


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


def test_default_cache_is_in_the_users_cache_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
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
