"""The cache of rendered frames believes nothing that it cannot check."""

from __future__ import annotations

import io
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calico.data.sim import SimSource
from calico.data.sim.cache import default_cache_dir, load_frame
from calico.files import seal_zip
from calico.taxonomy import NUSCENES
from tests.calico.data.sim.small import GRID, TINY, assert_same


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


def test_default_cache_is_in_the_users_cache_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_dir() == tmp_path / "calico" / "sim"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache_dir() == Path.home() / ".cache" / "calico" / "sim"
