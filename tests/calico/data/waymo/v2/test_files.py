"""Files that are no Parquet, cut off, or claim too much."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from calico.data.waymo.v2.files import ComponentFile
from calico.data.waymo.v2.schema import COMPONENTS, TIMESTAMP
from calico.errors import CalicoError

Place = Callable[[str], Path]
OPEN_FILES = Path("/proc/self/fd")


def count_open_files() -> int:
    return len(list(OPEN_FILES.iterdir()))


def open_poses(path: Path) -> ComponentFile:
    return ComponentFile(path, COMPONENTS["vehicle_pose"])


def test_a_table_and_its_row_groups(place: Place) -> None:
    file = open_poses(place("vehicle_pose"))
    assert file.rows == [4, 4, 3]
    table = file.read_table(COMPONENTS["vehicle_pose"].columns)
    assert len(table) == 11
    column = COMPONENTS["vehicle_pose"].column(TIMESTAMP)
    chunks = file.chunks(column)
    assert [(chunk.values, chunk.rows, chunk.codec) for chunk in chunks] == [
        (4, 4, "brotli"),
        (4, 4, "brotli"),
        (3, 3, "brotli"),
    ]
    assert [chunk.type for chunk in chunks] == ["INT64"] * 3


def test_a_file_is_closed_with_its_object(place: Place) -> None:
    if not OPEN_FILES.exists():
        pytest.skip("needs /proc to count open files")
    gc.collect()  # files of other tests
    before = count_open_files()
    file = open_poses(place("vehicle_pose"))
    assert count_open_files() == before + 1
    file.close()
    assert count_open_files() == before
    file = open_poses(place("vehicle_pose"))
    del file
    gc.collect()
    assert count_open_files() == before


@pytest.mark.parametrize("left", [0, 3, 4, 11, 12, 500, -1, -8, -9, -400])
def test_a_file_that_is_cut_off_is_named(left: int, place: Place) -> None:
    path = place("vehicle_pose")
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(CalicoError, match=r"vehicle_pose .*\.parquet: no "):
        open_poses(path)


def test_the_length_of_the_footer_is_checked(place: Place) -> None:
    path = place("vehicle_pose")
    content = path.read_bytes()
    path.write_bytes(content[:-8] + (2**31).to_bytes(4, "little") + b"PAR1")
    with pytest.raises(CalicoError, match="its end is missing"):
        open_poses(path)
    with path.open("r+b") as stream:
        stream.truncate(1 << 33)  # with a hole in it
        stream.seek(-8, os.SEEK_END)
        stream.write((1 << 30).to_bytes(4, "little") + b"PAR1")
    with pytest.raises(CalicoError, match=r"its footer has 1073741824 bytes, expected at most"):
        open_poses(path)


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CalicoError, match="is a pipe"):
        open_poses(tmp_path / "pipe")
    with pytest.raises(CalicoError, match="is a folder"):
        open_poses(tmp_path)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.table({TIMESTAMP: [1]}), tmp_path / "a")
    with pytest.raises(
        CalicoError, match=r"lacks the column key.segment_context_name; it has 'key"
    ):
        open_poses(tmp_path / "a")


def test_too_many_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = COMPONENTS["vehicle_pose"].schema()
    table = pa.table([pa.nulls(7, field.type) for field in schema], schema=schema)
    pq.write_table(table, tmp_path / "a", row_group_size=2)
    for name, limit in (("MAX_ROWS", 6), ("MAX_ROW_GROUPS", 3)):
        with monkeypatch.context() as limited:
            limited.setattr(f"calico.data.waymo.v2.files.{name}", limit)
            with pytest.raises(CalicoError, match="has 7 rows in 4 row groups, expected at most"):
                open_poses(tmp_path / "a")
    file = open_poses(tmp_path / "a")
    monkeypatch.setattr("calico.data.waymo.v2.files.MAX_TABLE_BYTES", 100)
    with pytest.raises(CalicoError, match=r"columns .* take \d+ bytes, expected at most 100"):
        file.read_table(COMPONENTS["vehicle_pose"].columns)


def test_a_replaced_file_is_noticed(place: Place) -> None:
    path = place("vehicle_pose")
    file = open_poses(path)
    found = [file.is_current()]
    os.utime(path, ns=(1, 1))
    found.append(file.is_current())
    later = open_poses(path)
    found.append(later.is_current())
    path.unlink()
    found.append(later.is_current())
    assert found == [True, False, True, False]
    assert later.identity != file.identity


def test_places_in_a_part_are_its_own(place: Place) -> None:
    path = place("vehicle_pose")
    content = path.read_bytes()
    file = open_poses(path)
    a, b = file.open_part(10, 20), file.open_part(0, len(content))
    assert a.read(8) == content[10:18]
    assert b.read(4) == b"PAR1"
    assert a.read() == content[18:30]
    assert (b.seek(-4, os.SEEK_END), b.read()) == (len(content) - 4, b"PAR1")
    assert (a.seek(2), a.seek(3, os.SEEK_CUR), a.read(2)) == (2, 5, content[15:17])
