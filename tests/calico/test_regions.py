"""Regions of frames: filters, order of points, labels, the cache, coverage."""

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
from calico.regions import PROTOTYPE, cached_regions, find_regions, prepare_regions
from calico.regions.cache import _load as load_regions
from calico.regions.coverage import Coverage, covering_regions, measure_coverage
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


def kept(street: Frame, config: RegionConfig) -> set[str]:
    """The things with most of their points in a region; each must be a region of its own."""
    ids = find_regions(street, config)
    assert (ids[:4000] == -1).all()
    regions = {name: np.unique(ids[4000 + 1000 * k :][:1000]) for k, name in enumerate(THINGS)}
    found = {name: values for name, values in regions.items() if (values >= 0).any()}
    assert sorted(int(values.max()) for values in found.values()) == list(range(len(found)))
    return set(found)


OPEN = RegionConfig(
    ground="ransac", area_m2=(0, 1e6), top_m=(0, 1e6), min_side_ratio=0, ego_radius_m=0
)


@pytest.mark.parametrize(
    ("limit", "dropped"),
    [
        ({}, set()),
        ({"area_m2": (0.5, 1e6)}, {"walker"}),
        ({"area_m2": (0, 60)}, {"house"}),
        ({"top_m": (0, 5)}, {"tower"}),
        ({"top_m": (0.3, 1e6)}, {"kerb"}),
        ({"min_side_ratio": 0.1}, {"fence"}),
        ({"ego_radius_m": 1.5}, {"hood"}),
    ],
)
def test_every_filter_drops_what_it_is_for(
    street: Frame, limit: dict[str, object], dropped: set[str]
) -> None:
    assert kept(street, OPEN.model_copy(update=limit)) == set(THINGS) - dropped


def test_defaults_keep_a_walker_and_the_prototype_does_not(street: Frame) -> None:
    assert kept(street, RegionConfig(ground="ransac")) == {"car", "truck", "walker", "fence"}
    assert kept(street, PROTOTYPE.model_copy(update={"ground": "ransac"})) == {"car", "kerb"}


def test_a_ceiling_keeps_what_stands_under_something_high(street: Frame) -> None:
    ids = find_regions(street, RegionConfig(ground="ransac", ceiling_m=4.0))
    tower = slice(7000, 8000)
    height = street.points[tower, 2] + 1.8
    assert (ids[tower][height < 3.9] >= 0).all()
    assert (ids[tower][height > 4.1] == -1).all()


@pytest.mark.parametrize("method", ["dbscan_xy", "dbscan_xyz", "grid"])
@pytest.mark.parametrize("ground", ["gpf", "ransac"])
def test_the_order_of_points_does_not_matter(street: Frame, method: str, ground: str) -> None:
    config = RegionConfig(method=method, ground=ground, area_m2=(0, 1e6))
    ids = find_regions(street, config)
    order = np.random.default_rng(1).permutation(len(ids))
    assert ids.dtype == np.int32
    assert ids.max() > 2
    assert np.array_equal(
        find_regions(with_points(street, street.points[order]), config), ids[order]
    )


class Poison:
    """Any use of it fails."""

    def __getattribute__(self, name: str) -> object:
        raise AssertionError(f"labels were read: {name}")


def test_neither_boxes_nor_map_are_read(street: Frame, tmp_path: Path) -> None:
    poisoned = street.replace(
        boxes=Poison(),
        map_masks=Poison(),
        map_known=Poison(),
        images=(),
        camera_K=np.zeros((0, 3, 3)),
        camera_T_lidar=np.zeros((0, 4, 4)),
        camera_time_s=np.zeros(0),
    )
    config = RegionConfig(cache_dir=tmp_path)
    assert np.array_equal(cached_regions(poisoned, config), find_regions(street, config))


def test_an_empty_cloud_has_no_regions(street: Frame, tmp_path: Path) -> None:
    empty = with_points(street, np.zeros((0, 5), np.float32))
    for config in (
        RegionConfig(cache_dir=tmp_path),
        RegionConfig(ground="ransac", method="grid", cache_dir=tmp_path),
    ):
        assert cached_regions(empty, config).shape == (0,)
    assert measure_coverage(empty, np.zeros(0, np.int32)) == Coverage(1, *[(0,) * 10] * 3)


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


def test_coverage_counted_by_hand(frame: Frame) -> None:
    """Four objects on a line: one covered by a region of its own, one by a wall's, one split, one
    without points."""
    x = np.array([0.0] * 4 + [10.0] * 4 + [20.0] * 4)
    points = np.zeros((16, 5), np.float32)
    points[:12, 0] = x
    points[12:, 0] = 15.0  # the rest of the wall
    ids = np.array([0, 0, -1, -1] + [1] * 4 + [2, -1, -1, -1] + [1] * 4, np.int32)
    boxes = np.zeros((4, 9), np.float32)
    boxes[:, 0], boxes[:, 3:6] = [0, 10, 20, 30], 2.0
    none = np.zeros(4, np.int64)
    labelled = with_points(frame, points).replace(
        boxes=Boxes(boxes, np.array([0, 0, 5, 5]), none, none)
    )
    found = measure_coverage(labelled, ids)
    by_class = {
        name: (getattr(found, name)[0], getattr(found, name)[5])
        for name in ("objects", "covered", "alone")
    }
    assert by_class == {"objects": (2, 1), "covered": (2, 0), "alone": (1, 0)}
    assert (found.frames, found.regions, found.object_regions) == (1, 3, 2)
    assert covering_regions(labelled, ids).tolist() == [0, 1, -1, -2]
    assert sum(measure_coverage(labelled, ids, min_points=5).objects) == 0
    both = found + found
    assert (both.frames, both.objects[0], both.regions) == (2, 4, 6)
    assert "| car | 4 | 4 (100 %) | 2 (50 %) |" in both.lines(labelled.taxonomy.names)


def test_points_of_older_sweeps_do_not_count_for_coverage(frame: Frame) -> None:
    points = np.zeros((4, 5), np.float32)
    boxes = np.array([[0, 0, 0, 1, 1, 1, 0, 0, 0]], np.float32)
    one = np.zeros(1, np.int64)
    labelled = with_points(frame, points).replace(
        boxes=Boxes(boxes, one, one, one), sweep_index=np.array([0, 1, 1, 1], np.int16)
    )
    assert sum(measure_coverage(labelled, np.array([-1, 0, 0, 0], np.int32)).covered) == 0
    assert sum(measure_coverage(labelled, np.array([0, -1, -1, -1], np.int32)).covered) == 1
