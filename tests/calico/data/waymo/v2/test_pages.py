"""Pages of written files: all of them are found, and what is no page is refused."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from calico.data.waymo.v2 import pages
from calico.data.waymo.v2.files import Chunk, ComponentFile
from calico.data.waymo.v2.pages import (
    DATA,
    DATA_2,
    DICTIONARY,
    PLAIN,
    decompress,
    open_page,
    read_header,
    read_page,
    scan_pages,
)
from calico.data.waymo.v2.schema import COMPONENTS
from calico.errors import CalicoError
from tests.calico.data.waymo.v2.test_values import VALUES, make_lidar

VALUES_COLUMN = COMPONENTS["lidar"].column("range_image_return1.values")


@pytest.fixture
def lidar(tmp_path: Path) -> Callable[..., tuple[ComponentFile, Chunk, pa.Table]]:
    """Writes range images in one row group and opens the column of their values."""

    def write(**options: Any) -> tuple[ComponentFile, Chunk, pa.Table]:
        table = make_lidar(np.random.default_rng(0), 20, 3000)
        defaults = {"compression": "brotli", "data_page_size": 2000, "write_batch_size": 100}
        pq.write_table(table, tmp_path / "f.parquet", **{**defaults, **options})
        file = ComponentFile(tmp_path / "f.parquet", COMPONENTS["lidar"])
        (chunk,) = file.chunks(VALUES_COLUMN)
        return file, chunk, table

    return write


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_the_pages_fill_their_chunk(
    version: str, lidar: Callable[..., tuple[ComponentFile, Chunk, pa.Table]]
) -> None:
    file, chunk, table = lidar(data_page_version=version)
    headers = list(scan_pages(file, chunk))
    assert headers[0].kind == DICTIONARY
    assert {header.kind for header in headers[1:]} == {DATA if version == "1.0" else DATA_2}
    assert headers[-1].end == chunk.end
    assert all(a.end < b.offset for a, b in itertools.pairwise(headers))
    levels = sum(1 if row is None else len(row) for row in table[VALUES].to_pylist())
    assert sum(header.count for header in headers[1:]) == levels == chunk.values


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("codec", ["brotli", "snappy", "none"])
def test_a_plain_page_has_levels_and_values(
    version: str, codec: str, lidar: Callable[..., tuple[ComponentFile, Chunk, pa.Table]]
) -> None:
    file, chunk, table = lidar(data_page_version=version, compression=codec, use_dictionary=False)
    lists = table[VALUES].to_pylist()
    repetition, definition, values = [], [], []
    for header in scan_pages(file, chunk):
        page = read_page(file, chunk, header)
        assert page.encoding == PLAIN
        assert page.repetition is not None
        assert page.definition is not None
        repetition += page.repetition.tolist()
        definition += page.definition.tolist()
        values += np.frombuffer(page.content, "<f4").tolist()
        with open_page(file, chunk, header) as stream:
            assert bytes(stream.read()).endswith(bytes(page.content))
    assert values == [number for row in lists if row is not None for number in row]
    assert [n for n, level in enumerate(repetition) if level == 0] == np.cumsum(
        [0] + [1 if row is None else len(row) for row in lists]
    )[:-1].tolist()
    assert definition.count(0) == lists.count(None)
    assert definition.count(3) == len(values)


def test_what_is_no_page_is_refused(
    lidar: Callable[..., tuple[ComponentFile, Chunk, pa.Table]], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, chunk, _ = lidar()
    first, second, *_ = scan_pages(file, chunk)
    with pytest.raises(CalicoError, match="page at byte 0: has no readable header"):
        read_header(file, chunk, 0)
    with pytest.raises(CalicoError, match="bytes, but its column ends after 99"):
        read_header(file, replace(chunk, end=first.offset + 99), chunk.start)
    with pytest.raises(CalicoError, match="its header does not end"):
        read_header(file, replace(chunk, end=chunk.start + 3), chunk.start)
    with pytest.raises(CalicoError, match=r"f.parquet: page at byte \d+: no readable Parquet"):
        read_page(file, chunk, replace(second, full_size=second.full_size + 1))
    with pytest.raises(CalicoError, match="no readable Parquet file"):
        read_page(file, chunk, replace(second, offset=second.offset + 1))
    with pytest.raises(CalicoError, match=r"the runs end after \d+ of 33000000 values"):
        read_page(file, chunk, replace(second, count=33_000_000))
    with pytest.raises(CalicoError, match="expected at most 67108864"):
        read_page(file, chunk, replace(second, full_size=1 << 40))
    monkeypatch.setattr(pages, "MAX_PAGE_VALUES", 50)
    with pytest.raises(CalicoError, match=r"has \d+ values, expected at most 50"):
        list(scan_pages(file, chunk))


@pytest.mark.parametrize("codec", ["brotli", "gzip", "zstd", "snappy", "uncompressed"])
def test_a_page_has_the_size_that_its_header_says(codec: str) -> None:
    content = b"abc" * 100_000
    packed = content
    if codec != "uncompressed":
        packed = pa.Codec(codec).compress(content, asbytes=True)
    assert bytes(decompress(packed, codec, len(content))) == content
    for wrong in (0, 1, len(content) - 1, len(content) + 1, len(content) + 5000):
        with pytest.raises((ValueError, OSError)):
            decompress(packed, codec, wrong)


def test_other_codecs_are_refused() -> None:
    with pytest.raises(ValueError, match="compressed with lz4, expected one of brotli, gzip"):
        decompress(b"abc", "lz4", 300)
