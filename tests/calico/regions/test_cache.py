"""Regions on disk."""

from __future__ import annotations

import io
import os
import random
from pathlib import Path

import numpy as np
import pytest

from calico.config.training import RegionConfig
from calico.data.source import FrameInfo
from calico.errors import CalicoError
from calico.files import seal_zip
from calico.frame import Boxes, Frame, Int64
from calico.geometry.grid import Grid
from calico.regions import cached_regions, prepare_regions
from calico.regions.cache import _load as load_regions
from calico.taxonomy import NUSCENES

THINGS = {  # x, y, length, width, lowest, highest above ground
    "car": (10.0, 0.0, 4.0, 1.8, 0.3, 1.5),
    "truck": (0.0, 12.0, 9.0, 3.0, 0.3, 3.4),
    "house": (-20.0, 0.0, 9.0, 9.0, 0.3, 4.0),
    "tower": (0.0, -15.0, 2.0, 2.0, 0.3, 9.0),
    "walker": (6.0, 8.0, 0.4, 0.4, 0.3, 1.7),
    "fence": (12.0, -12.0, 6.0, 0.1, 0.3, 1.0),
    "kerb": (-8.0, 10.0, 1.5, 1.0, 0.25, 0.28),
    "hood": (0.9, 0.0, 0.8, 1.6, 0.3, 0.6),
}


@pytest.fixture
def street(frame: Frame) -> Frame:
    """Level ground 1.8 m below the sensor and THINGS on it, 1000 points each, without boxes."""
    rng = np.random.default_rng(0)
    ground = np.column_stack([rng.uniform(-30, 30, (4000, 2)), np.full(4000, -1.8)])
    solids = [
        np.column_stack(
            [
                rng.uniform(-length / 2, length / 2, 1000) + x,
                rng.uniform(-w / 2, w / 2, 1000) + y,
                rng.uniform(low, high, 1000) - 1.8,
            ]
        )
        for x, y, length, w, low, high in THINGS.values()
    ]
    xyz = np.concatenate([ground, *solids])
    points = np.column_stack([xyz, np.zeros((len(xyz), 2))]).astype(np.float32)
    return with_points(frame, points).replace(boxes=Boxes.empty())


def with_points(frame: Frame, points: np.ndarray) -> Frame:
    none = np.zeros(len(points), np.int16)
    return frame.replace(points=points, ring=none, sweep_index=none)


def test_the_cache_is_used_and_a_broken_file_is_not(street: Frame, tmp_path: Path) -> None:
    config = RegionConfig(cache_dir=tmp_path / "regions")
    ids = cached_regions(street, config)
    (file,) = (tmp_path / "regions").iterdir()
    marked = np.where(ids == 0, 1, ids).astype(np.int32)
    write_regions(file, ids=marked, key=np.array(file.stem))
    assert np.array_equal(cached_regions(street, config), marked)
    for broken in (b"", b"nonsense", file.read_bytes()[:-40]):
        file.write_bytes(broken)
        assert np.array_equal(cached_regions(street, config), ids)
    for arrays in (
        {"ids": ids[:-1], "key": np.array(file.stem)},
        {"ids": marked, "key": np.array("0" * 40)},  # of other points, under this name
        {"ids": marked},
    ):
        write_regions(file, **arrays)
        assert np.array_equal(cached_regions(street, config), ids)
    np.savez_compressed(file, ids=marked, key=np.array(file.stem))  # without a seal
    assert np.array_equal(cached_regions(street, config), ids)
    file.unlink()
    os.mkfifo(file)
    assert np.array_equal(cached_regions(street, config), ids)


def write_regions(file: Path, **arrays: np.ndarray) -> None:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)  # type: ignore[arg-type]
    file.write_bytes(seal_zip(stream.getvalue()))


def test_a_cached_file_with_a_flipped_byte_anywhere_counts_as_absent(
    street: Frame, tmp_path: Path
) -> None:
    config = RegionConfig(cache_dir=tmp_path)
    ids = cached_regions(street, config)
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    marked = np.where(ids == 0, 1, ids).astype(np.int32)
    write_regions(file, ids=marked, key=np.array(file.stem))
    content = file.read_bytes()
    for bit in random.Random(0).sample(range(8 * len(content)), 400):
        file.write_bytes(
            content[: bit // 8]
            + bytes([content[bit // 8] ^ 1 << bit % 8])
            + content[bit // 8 + 1 :]
        )
        assert load_regions(file, len(ids), file.stem) is None
    file.write_bytes(content)
    assert np.array_equal(load_regions(file, len(ids), file.stem), marked)


def test_other_settings_or_points_are_other_entries_and_another_folder_is_not(
    street: Frame, tmp_path: Path
) -> None:
    moved = street.points.copy()
    moved[0, 0] += 1
    here = RegionConfig(cache_dir=tmp_path / "here")
    cached_regions(street, here)
    cached_regions(street, RegionConfig(eps_m=0.5, cache_dir=tmp_path / "here"))
    cached_regions(with_points(street, moved), here)
    cached_regions(street, RegionConfig(cache_dir=tmp_path / "there"))
    names = {file.name for file in (tmp_path / "here").iterdir()}
    assert len(names) == 3
    assert {file.name for file in (tmp_path / "there").iterdir()} < names


def test_the_default_folder_is_the_users_cache(
    street: Frame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cached_regions(street, RegionConfig())
    assert len(list((tmp_path / "calico" / "regions").iterdir())) == 1


class Streets:
    """A source of one cloud shifted by the index; can be pickled."""

    name = "streets"
    map_grid: Grid | None = None
    taxonomy = NUSCENES
    cameras: tuple[str, ...] = ()

    def __init__(self, points: np.ndarray) -> None:
        self.points = points

    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> Frame:
        points = self.points + np.array([index, 0, 0, 0, 0], np.float32)
        none, zero = np.zeros(len(points), np.int16), np.zeros(0)
        eye = np.eye(4)
        return Frame(
            f"{index}",
            "s",
            0.0,
            points,
            none,
            none,
            eye[None],
            (),
            zero.reshape(0, 3, 3),
            zero.reshape(0, 4, 4),
            zero,
            eye,
            eye,
            Boxes.empty(),
        )

    def info(self, index: int) -> FrameInfo:
        return FrameInfo(f"{index}", "s")

    def labels(self, index: int) -> Int64:
        raise CalicoError("labels were read")

    def content_hash(self) -> str:
        return "streets"


def test_prepare_fills_the_cache_in_workers_and_here(street: Frame, tmp_path: Path) -> None:
    source = Streets(street.points[::4])
    seen: dict[int, list[tuple[int, int]]] = {1: [], 2: []}
    for workers, calls in seen.items():
        config = RegionConfig(cache_dir=tmp_path / str(workers))
        prepare_regions(
            source,
            config,
            [0, 2, 4],
            workers,
            lambda done, total, calls=calls: calls.append((done, total)),
        )  # type: ignore[misc]
        assert calls == [(0, 3), (1, 3), (2, 3), (3, 3)]
    alone, together = (
        {f.name: f.read_bytes() for f in (tmp_path / str(w)).iterdir()} for w in seen
    )
    assert len(alone) == 3
    assert alone.keys() == together.keys()
    file = next(iter(alone))
    sevens = np.full(len(source.points), 7, np.int32)
    write_regions(tmp_path / "1" / file, ids=sevens, key=np.array(Path(file).stem))
    assert any(
        (cached_regions(source[k], RegionConfig(cache_dir=tmp_path / "1")) == 7).all()
        for k in (0, 2, 4)
    )
