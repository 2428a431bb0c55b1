"""The index: what it says, how it is kept, and what it refuses."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from calico.data.waymo.records import WaymoRecord
from calico.data.waymo.v2 import index as index_module
from calico.data.waymo.v2.files import ComponentFile
from calico.data.waymo.v2.index import RowIndex, build_index, default_cache_dir, load_index
from calico.data.waymo.v2.schema import COMPONENTS
from calico.errors import CalicoError
from tests.calico.data.waymo.v2.samples import CONTEXT, FIRST_US

Place = Callable[[str], Path]
VALUES = "[LiDARComponent].range_image_return{}.values"
SHAPE = "[LiDARComponent].range_image_return{}.shape"


def open_lidar(path: Path) -> ComponentFile:
    return ComponentFile(path, COMPONENTS["lidar"])


def same(a: RowIndex, b: RowIndex) -> bool:
    rows = all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for name in ("timestamps", "sensors", "groups")
    )
    return rows and all(
        np.array_equal(value, vars(b.columns[name])[field])
        for name, column in a.columns.items()
        for field, value in vars(column).items()
    )


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files whose index was made, not read from the cache."""
    found: list[Path] = []

    def build(file: ComponentFile, context: str) -> RowIndex:
        found.append(file.path)
        return build_index(file, context)

    monkeypatch.setattr(index_module, "build_index", build)
    return found


def test_rows_in_the_order_of_the_file(place: Place, made: tuple[WaymoRecord, ...]) -> None:
    index = build_index(open_lidar(place("lidar")), CONTEXT)
    assert index.timestamps.tolist() == [r.timestamp_us for r in made for _ in range(5)]
    assert index.sensors.tolist() == [1, 2, 3, 4, 5] * 11
    assert index.groups.tolist() == [0] * 20 + [1] * 20 + [2] * 15
    assert index.find_row(FIRST_US + 100_000, 3) == 7
    assert index.find_row(FIRST_US + 1, 3) is None
    assert index.find_row(FIRST_US, 6) is None
    second = index.columns[VALUES.format(2)]
    assert second.shapes is not None
    lacking = [row for row in range(55) if second.shapes[row, 0] < 0]
    assert lacking == [n * 5 + laser - 1 for n in range(11) for laser in range(1, 6)
                       if (n + laser) % 4 == 0]  # fmt: skip


def test_an_index_is_read_from_the_cache(place: Place, tmp_path: Path, builds: list[Path]) -> None:
    cache = tmp_path / "cache"
    first = load_index(open_lidar(place("lidar")), CONTEXT, cache)
    second = load_index(open_lidar(place("lidar")), CONTEXT, cache)
    assert builds == [place("lidar")]
    assert same(first, second)
    (kept,) = cache.iterdir()
    assert kept.name.startswith("lidar-1-")


def test_a_changed_file_has_another_index(place: Place, tmp_path: Path, builds: list[Path]) -> None:
    for time in (1, 2):
        os.utime(place("lidar"), ns=(time, time))
        load_index(open_lidar(place("lidar")), CONTEXT, tmp_path / "cache")
    assert len(builds) == 2


@pytest.mark.parametrize("damage", ["cut", "flip", "other", "empty", "pipe"])
def test_a_damaged_index_is_made_again(
    damage: str,
    place: Place,
    tmp_path: Path,
    builds: list[Path],
    caplog: pytest.LogCaptureFixture,
) -> None:
    cache = tmp_path / "cache"
    first = load_index(open_lidar(place("lidar")), CONTEXT, cache)
    (kept,) = cache.iterdir()
    content = kept.read_bytes()
    if damage == "other":
        other = load_index(
            ComponentFile(place("lidar_pose"), COMPONENTS["lidar_pose"]), CONTEXT, tmp_path / "b"
        )
        assert other.columns
        (theirs,) = (tmp_path / "b").iterdir()
        kept.write_bytes(theirs.read_bytes())
    elif damage == "pipe":
        kept.unlink()
        os.mkfifo(kept)
    else:
        half = len(content) // 2
        flipped = content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :]
        kept.write_bytes({"cut": content[:half], "flip": flipped, "empty": b""}[damage])
    builds.clear()
    with caplog.at_level(logging.WARNING):
        assert same(load_index(open_lidar(place("lidar")), CONTEXT, cache), first)
    assert builds == [place("lidar")]
    assert "made again" in caplog.text
    assert kept.read_bytes() == content


def test_a_cache_that_cannot_be_written_only_costs_time(
    place: Place, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("no folder")
    index = load_index(open_lidar(place("lidar")), CONTEXT, tmp_path / "cache")
    assert len(index.timestamps) == 55
    assert "cannot be kept" in caplog.text


def test_the_cache_is_in_the_users_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_dir() == tmp_path / "calico" / "waymo"


def replace(table: Any, name: str, values: list[Any]) -> Any:
    place = table.column_names.index(name)
    return table.set_column(place, name, pa.array(values, table.schema.field(name).type))


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        (SHAPE.format(1), lambda v: [[v[0][0] + 1, *v[0][1:]], *v[1:]], "but the shapes of its"),
        (SHAPE.format(1), lambda v: [None, *v[1:]], "but the shapes of its rows need"),
        (SHAPE.format(2), lambda v: [[8, 37, 4]] * len(v), "but the shapes of its rows need"),
        (VALUES.format(1), lambda v: [v[0][:-1], *v[1:]], "but the shapes of its rows need"),
        (VALUES.format(1), lambda v: [None, *v[1:]], "but the shapes of its rows need"),
        (SHAPE.format(1), lambda v: [[2**31 - 1] * 3, *v[1:]], "expected height, width"),
        ("key.laser_name", lambda v: [1, 1, *v[2:]], "2 rows have the timestamp"),
        ("key.laser_name", lambda v: [6, *v[1:]], "holds 6, expected one of"),
        ("key.laser_name", lambda v: [None, *v[1:]], "holds null in row 0"),
        ("key.segment_context_name", lambda v: ["x", *v[1:]], "rows of the segment 'x'"),
    ],
)
def test_contradictions_are_refused(
    name: str, change: Callable[[list[Any]], list[Any]], said: str, place: Place,
    edit: Callable[..., None],
) -> None:  # fmt: skip
    edit("lidar", lambda table: replace(table, name, change(table[name].to_pylist())))
    with pytest.raises(CalicoError, match=rf"Waymo lidar .*{CONTEXT}.parquet: .*{said}"):
        build_index(open_lidar(place("lidar")), CONTEXT)


def test_lists_of_lists_are_refused(place: Place) -> None:
    table = pq.read_table(place("lidar"))
    name = VALUES.format(1)
    nested = pa.array([[row] for row in table[name].to_pylist()])
    pq.write_table(table.set_column(table.column_names.index(name), name, nested), place("lidar"))
    with pytest.raises(CalicoError, match="nested lists or none, expected list"):
        build_index(open_lidar(place("lidar")), CONTEXT)


def test_a_shape_column_is_needed_with_its_values(place: Place) -> None:
    table = pq.read_table(place("lidar")).drop_columns([SHAPE.format(2)])
    pq.write_table(table, place("lidar"))
    with pytest.raises(CalicoError, match=r"lacks the column .*range_image_return2.shape"):
        build_index(open_lidar(place("lidar")), CONTEXT)
