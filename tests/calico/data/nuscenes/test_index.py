"""The index of the tables: the same frames, and made again when the tables are others."""

from __future__ import annotations

import json
import logging
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calico.data.nuscenes import NuScenesSource, index
from calico.data.nuscenes.index_scenes import SceneIndex
from calico.errors import CalicoError
from calico.frame import Frame
from calico.geometry.grid import Grid
from tests.calico.data.nuscenes.loading import Edit

pytest.importorskip("pyarrow", reason="pyarrow is not installed")

GRID = Grid(-32, 32, -32, 32, 0.5)
REAL = Path(os.environ.get("CALICO_SHARED_DATA", "absent")) / "pandaset_nuscenes"
FIELDS = (
    "points", "ring", "sweep_index", "sweep_T", "camera_K", "camera_T_lidar", "camera_time_s",
    "ego_T_lidar", "global_T_lidar", "map_masks",
)  # fmt: skip


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def indexed(root: Path, cache: Path, split: str = "all", **settings: Any) -> NuScenesSource:
    options = {"map_grid": GRID, "cache_dir": cache, "smallest_indexed": 0, **settings}
    return NuScenesSource(root, "v1.0-mini", split, **options)


def plain(root: Path, split: str = "all", **settings: Any) -> NuScenesSource:
    return NuScenesSource(
        root, "v1.0-mini", split, **{"map_grid": GRID, "smallest_indexed": 1 << 60, **settings}
    )


def bytes_of(frame: Frame) -> list[object]:
    boxes = frame.boxes
    arrays = [getattr(frame, name) for name in FIELDS] + list(frame.images)
    arrays += [boxes.boxes, boxes.labels, boxes.attributes, boxes.num_points]
    shapes = [None if a is None else (a.dtype, a.shape, a.tobytes()) for a in arrays]
    return [frame.token, frame.scene, frame.timestamp_s, boxes.instances, *shapes]


@pytest.mark.parametrize("sweeps", [1, 3])
def test_frames_and_hashes_are_the_same_with_and_without_it(
    tiny: Path, cache: Path, sweeps: int
) -> None:
    settings: dict[str, Any] = {"sweeps": sweeps, "cameras": ("CAM_BACK", "CAM_FRONT")}
    without, made = plain(tiny, **settings), indexed(tiny, cache, **settings)
    opened = indexed(tiny, cache, **settings)
    assert len(list(cache.glob("*.arrow"))) == 1
    assert without.index_file is None
    assert opened.index_file == made.index_file is not None
    for source in (made, opened):
        assert len(source) == len(without) == 4
        for k in range(len(source)):
            assert bytes_of(source[k]) == bytes_of(without[k])
            assert repr(source.record(k)) == repr(without.record(k))
            assert source.labels(k).tolist() == without.labels(k).tolist()
            assert source.files(k) == without.files(k)
        assert source.content_hash() == without.content_hash()
        assert source.labels_hash() == without.labels_hash()
        assert source.image_sizes() == without.image_sizes() == {(32, 64)}


@pytest.mark.skipif(not REAL.is_dir(), reason=f"no real frames at {REAL}")
def test_real_frames_are_the_same(cache: Path) -> None:
    without = plain(REAL, sweeps=2)
    indexed(REAL, cache, sweeps=2)
    opened = indexed(REAL, cache, sweeps=2)
    assert opened.index_file is not None
    assert opened.labels_hash() == without.labels_hash()
    for k in (0, 13, 19):
        assert bytes_of(opened[k]) == bytes_of(without[k])


def test_the_tables_are_not_read_again(
    tiny: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    indexed(tiny, cache)

    def read(*_: object) -> None:
        raise AssertionError("the tables were read")

    monkeypatch.setattr("calico.data.nuscenes.tables.Tables._read", read)
    assert indexed(tiny, cache)[0].token == "sample-0-0"
    assert indexed(tiny, cache, "scene-0103")[0].token == "sample-1-0"


def test_other_settings_have_an_index_of_their_own(tiny: Path, cache: Path) -> None:
    places = [
        indexed(tiny, cache, **settings).index_file
        for settings in ({}, {"sweeps": 2}, {"cameras": ("CAM_BACK",)})
    ]
    assert len(set(places)) == 3


def test_a_pickled_source_holds_paths_and_no_records(tiny: Path, cache: Path) -> None:
    indexed(tiny, cache)
    source = indexed(tiny, cache)
    content = pickle.dumps(source)
    assert b"LIDAR_TOP-0-0" not in content
    assert b"sample-0-0" not in content
    copy = pickle.loads(content)
    assert bytes_of(copy[3]) == bytes_of(source[3])
    frame = pickle.loads(pickle.dumps(source[1]))
    before = frame.previous()
    assert before.token == "sample-0-0"
    assert before.previous is None


def test_a_worker_refuses_another_index_than_its_source_had(tiny: Path, cache: Path) -> None:
    indexed(tiny, cache)
    content = pickle.dumps(indexed(tiny, cache))
    (place,) = cache.glob("*.arrow")
    other = indexed(tiny, cache, sweeps=2).index_file
    assert other is not None
    place.write_bytes(other.read_bytes())
    with pytest.raises(CalicoError, match="was replaced while a process used it"):
        pickle.loads(content)


def shift_car(rows: list[dict]) -> None:
    x = rows[0]["translation"][0]
    rows[0]["translation"][0] = x + 1 if x < 1019 else x - 1


@pytest.mark.parametrize("young", [True, False], ids=["young tables", "old tables"])
def test_changed_tables_make_it_again(tiny: Path, cache: Path, edit: Edit, young: bool) -> None:
    folder = tiny / "v1.0-mini"
    if not young:
        age_tables(folder)
    before = indexed(tiny, cache).labels_hash()
    size = (folder / "sample_annotation.json").stat().st_size
    edit("sample_annotation", shift_car)
    assert (folder / "sample_annotation.json").stat().st_size == size
    after = indexed(tiny, cache).labels_hash()
    assert after != before
    assert after == plain(tiny).labels_hash()
    edit("attribute", lambda rows: rows.append({"token": "more", "name": "cycle.with_rider"}))
    assert indexed(tiny, cache).labels_hash() == after
    (folder / "attribute.json").unlink()
    with pytest.raises(CalicoError, match=r"attribute\.json: missing"):
        indexed(tiny, cache)


def test_an_index_without_its_own_note_is_made_again(tiny: Path, cache: Path, edit: Edit) -> None:
    """A process wrote the index of new tables and died before the note; then the old ones came."""
    folder = tiny / "v1.0-mini"
    age_tables(folder)
    table = folder / "sample_annotation.json"
    before = indexed(tiny, cache).labels_hash()
    (note,) = cache.glob("*.json")
    kept = table.read_bytes(), table.stat().st_mtime_ns, note.read_bytes()
    edit("sample_annotation", shift_car)
    assert indexed(tiny, cache).labels_hash() != before
    table.write_bytes(kept[0])
    os.utime(table, ns=(kept[1], kept[1]))
    note.write_bytes(kept[2])
    assert indexed(tiny, cache).labels_hash() == before


def age_tables(folder: Path) -> None:
    for path in folder.glob("*.json"):
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 60))


def test_a_change_within_a_tick_of_the_clock_is_noticed(
    tiny: Path, cache: Path, edit: Edit
) -> None:
    table = tiny / "v1.0-mini" / "sample_annotation.json"
    before, time_ns = indexed(tiny, cache).labels_hash(), table.stat().st_mtime_ns
    edit("sample_annotation", shift_car)
    os.utime(table, ns=(time_ns, time_ns))
    assert indexed(tiny, cache).labels_hash() != before


def test_touched_tables_are_hashed_once_and_not_read(
    tiny: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    indexed(tiny, cache)
    age_tables(tiny / "v1.0-mini")
    hashed: list[Path] = []
    plain_hash = index._hash_file
    monkeypatch.setattr(index, "_hash_file", lambda path: hashed.append(path) or plain_hash(path))
    (place,) = cache.glob("*.arrow")
    inode = place.stat().st_ino
    indexed(tiny, cache)
    assert len(hashed) == 11
    indexed(tiny, cache)
    assert len(hashed) == 11
    assert place.stat().st_ino == inode


@pytest.mark.parametrize("place", [0, 700, -9])
def test_a_damaged_index_is_made_again(
    tiny: Path, cache: Path, place: int, caplog: pytest.LogCaptureFixture
) -> None:
    indexed(tiny, cache)
    (file,) = cache.glob("*.arrow")
    good = file.read_bytes()
    bad = bytearray(good)
    bad[place] ^= 1
    file.write_bytes(bytes(bad))
    with caplog.at_level(logging.WARNING):
        assert bytes_of(indexed(tiny, cache)[1]) == bytes_of(plain(tiny)[1])
    assert "cannot be used" in caplog.text
    assert file.read_bytes() == good


def test_what_is_no_index_is_made_again(tiny: Path, cache: Path) -> None:
    indexed(tiny, cache)
    (file,) = cache.glob("*.arrow")
    good = file.read_bytes()
    for content in (b"", b"calico", good[:1000]):
        file.write_bytes(content)
        assert len(indexed(tiny, cache)) == 4
        assert file.read_bytes() == good
    (note,) = cache.glob("*.json")
    note.write_text(json.dumps({"of": 3}))
    assert len(indexed(tiny, cache)) == 4
    file.unlink()
    os.mkfifo(file)
    assert len(indexed(tiny, cache)) == 4
    assert file.read_bytes() == good


def test_row_numbers_are_checked(tiny: Path, cache: Path) -> None:
    """A file whose checksum is right but whose references are not."""
    import pyarrow as pa

    from calico.data.nuscenes.index_columns import STREAMS
    from calico.data.nuscenes.index_scenes import DIGEST_KEY
    from calico.files import FileError, seal

    place = indexed(tiny, cache).index_file
    assert place is not None
    source, sink = pa.memory_map(str(place)), pa.BufferOutputStream()
    for name in STREAMS:
        (batch,) = list(pa.ipc.open_stream(source))
        if name == "scenes":
            batch = batch.replace_schema_metadata({DIGEST_KEY: b"calico-sha256:" + b"0" * 64})
        if name == "sensors":
            wrong = pa.array(np.full(batch.num_rows, 99))
            batch = batch.set_column(batch.schema.get_field_index("mount"), "mount", wrong)
        with pa.ipc.new_stream(sink, batch.schema) as writer:
            writer.write_batch(batch)
    source.close()
    forged = cache / "forged.arrow"
    forged.write_bytes(seal(sink.getvalue().to_pybytes()))
    with pytest.raises(FileError, match="refers to rows of mounts that are missing"):
        SceneIndex(forged)


def test_an_error_in_a_scene_concerns_that_scene_alone(tiny: Path, cache: Path, edit: Edit) -> None:
    def break_size(rows: list[dict]) -> None:
        next(row for row in rows if row["token"] == "box-1-0-0")["size"] = [1, -1, 1]

    edit("sample_annotation", break_size)
    with pytest.raises(CalicoError) as expected:
        plain(tiny)
    for _ in range(2):
        assert bytes_of(indexed(tiny, cache, "train")[1]) == bytes_of(plain(tiny, "train")[1])
        for split in ("val", "all"):
            with pytest.raises(CalicoError) as error:
                indexed(tiny, cache, split)
            assert str(error.value) == str(expected.value)


def test_small_tables_get_none(tiny: Path, cache: Path) -> None:
    NuScenesSource(tiny, "v1.0-mini", "all", None, cache_dir=cache)
    assert not cache.exists()


def test_without_pyarrow_the_tables_are_read(
    tiny: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "pyarrow"]:
        monkeypatch.delitem(sys.modules, name)
    find: Callable[[str], object] = index.find_spec
    monkeypatch.setattr(index, "find_spec", lambda name: None if name == "pyarrow" else find(name))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with caplog.at_level(logging.WARNING):
        assert len(indexed(tiny, cache)) == 4
    assert not cache.exists()
    assert caplog.text == ""


@pytest.mark.parametrize("folder", ["file/cache", "x" * 300], ids=["below a file", "long name"])
def test_a_cache_that_cannot_be_written_is_told(
    tiny: Path, tmp_path: Path, folder: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("no folder")
    with caplog.at_level(logging.WARNING):
        source = indexed(tiny, tmp_path / folder)
    assert bytes_of(source[2]) == bytes_of(plain(tiny)[2])
    assert "not written" in caplog.text


def test_a_number_that_does_not_fit_leaves_the_tables(
    tiny: Path, cache: Path, edit: Edit, caplog: pytest.LogCaptureFixture
) -> None:
    edit("sample_data", lambda rows: rows[0].update(width=1 << 80))
    with caplog.at_level(logging.WARNING):
        assert indexed(tiny, cache)[0].token == "sample-0-0"
    assert "not written" in caplog.text
    assert not list(cache.glob("*.arrow"))


def test_progress_ends_at_a_hundred(tiny: Path, cache: Path) -> None:
    seen: list[tuple[int, int]] = []
    indexed(tiny, cache, progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[0] == (0, 100)
    assert seen[-1] == (100, 100)
    seen.clear()
    indexed(tiny, cache, progress=lambda done, total: seen.append((done, total)))
    assert seen == []


def test_frames_count_as_in_a_list(tiny: Path, cache: Path) -> None:
    for source in (plain(tiny), indexed(tiny, cache)):
        assert source.info(-1) == source.info(3)
        assert [frame.token for frame in source] == [source.info(k).token for k in range(4)]
        for wrong in (4, -5):
            with pytest.raises(IndexError):
                source.info(wrong)
