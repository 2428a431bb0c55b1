"""Rows in every way that Parquet's writers lay out pages, compared with pyarrow's own reader."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from calico.data.waymo.v2.files import ComponentFile
from calico.data.waymo.v2.index import RowIndex, build_index
from calico.data.waymo.v2.schema import COMPONENTS
from calico.data.waymo.v2.values import LargeColumn
from calico.errors import CalicoError
from tests.calico.data.waymo.v2.samples import CONTEXT

VALUES = "[LiDARComponent].range_image_return1.values"
SHAPE = "[LiDARComponent].range_image_return1.shape"
IMAGE = "[CameraImageComponent].image"


def make_lidar(rng: np.random.Generator, rows: int, distinct: int) -> pa.Table:
    """Range images of sizes from 4 to 4000 values; every seventh is null."""
    shapes = rng.integers(1, 32, (rows, 2)).tolist()
    there = np.arange(rows) % 7 != 3
    palette = rng.normal(0, 30, distinct).astype(np.float32)
    rows_of = list(zip(shapes, there, strict=True))
    images = [rng.choice(palette, h * w * 4) if ok else None for (h, w), ok in rows_of]
    for image in images[::3]:
        if image is not None:
            image[len(image) // 3 :] = -1  # a long run of one value
    schema = COMPONENTS["lidar"].schema()
    columns = {
        "key.segment_context_name": [CONTEXT] * rows,
        "key.frame_timestamp_micros": np.arange(rows) // 5,
        "key.laser_name": np.arange(rows) % 5 + 1,
        VALUES: images,
        SHAPE: [[h, w, 4] if ok else None for (h, w), ok in rows_of],
    }
    return pa.table(
        [pa.array(columns.get(f.name, [None] * rows), f.type) for f in schema], schema=schema
    )


def open_column(path: Path, tag: str, name: str) -> tuple[LargeColumn, RowIndex]:
    file = ComponentFile(path, COMPONENTS[tag])
    index = build_index(file, CONTEXT)
    column = next(c for c in COMPONENTS[tag].columns if c.name == name)
    return LargeColumn(file, column, index.columns[name], index.groups), index


LAYOUTS: dict[str, dict[str, Any]] = {
    "brotli": {"compression": "brotli"},
    "none": {"compression": "none"},
    "snappy": {"compression": "snappy"},
    "gzip": {"compression": "gzip"},
    "zstd": {"compression": "zstd"},
    "plain": {"use_dictionary": False},
    "version 2": {"data_page_version": "2.0", "compression": "brotli"},
    "version 2, not compressed": {"data_page_version": "2.0", "compression": "none"},
    "version 2, snappy, plain": {"data_page_version": "2.0", "use_dictionary": False},
    "split bytes": {"use_dictionary": False, "use_byte_stream_split": [VALUES]},
    "dictionary that is given up": {"dictionary_pagesize_limit": 2000},
    "page index": {"write_page_index": True},
    "checksums": {"write_page_checksum": True},
    "large pages": {"data_page_size": 1 << 30},
}


@pytest.mark.parametrize("distinct", [3, 5000], ids=["few values", "many values"])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_range_images_of_every_layout(
    layout: dict[str, Any], distinct: int, tmp_path: Path
) -> None:
    rng = np.random.default_rng(distinct)
    table, path = make_lidar(rng, 60, distinct), tmp_path / "lidar.parquet"
    options = {"row_group_size": 23, "data_page_size": 3000, "write_batch_size": 100, **layout}
    pq.write_table(table, path, **options)
    column, index = open_column(path, "lidar", VALUES)
    expected = pq.read_table(path)[VALUES].to_pylist()
    shapes = table[SHAPE].to_pylist()
    for row in [*range(60), *rng.permutation(60).tolist()]:
        found = column.read_range_image(row)
        if expected[row] is None:
            assert found is None
        else:
            assert found is not None
            assert found.dtype == np.float32
            assert found.shape == tuple(shapes[row])
            assert found.ravel().tolist() == expected[row]
        if row % 11 == 0:
            column.forget()
    assert len(index.columns[VALUES].page_offsets) >= 3


def test_double_values_become_single(tmp_path: Path) -> None:
    table = make_lidar(np.random.default_rng(0), 10, 100)
    place = table.column_names.index(VALUES)
    wide = table.set_column(place, VALUES, table[VALUES].cast(pa.large_list(pa.float64())))
    for name, options in (("dictionary", {}), ("plain", {"use_dictionary": False})):
        pq.write_table(wide, tmp_path / name, **options)
        column, _ = open_column(tmp_path / name, "lidar", VALUES)
        found = column.read_range_image(0)
        assert found is not None
        assert found.dtype == np.float32
        assert found.ravel().tolist() == table[VALUES][0].as_py()


def test_a_null_within_a_range_image_is_refused(tmp_path: Path) -> None:
    table = make_lidar(np.random.default_rng(0), 10, 100)
    lists = table[VALUES].to_pylist()
    lists[1][2] = None
    place = table.column_names.index(VALUES)
    changed = table.set_column(place, VALUES, pa.array(lists, pa.list_(pa.float32())))
    pq.write_table(changed, tmp_path / "lidar")
    column, _ = open_column(tmp_path / "lidar", "lidar", VALUES)
    assert column.read_range_image(0) is not None
    with pytest.raises(CalicoError, match="a row with a shape lacks values"):
        column.read_range_image(1)


def test_rows_that_begin_elsewhere_are_noticed(tmp_path: Path) -> None:
    """Two shapes exchanged need as many values in all."""
    table = make_lidar(np.random.default_rng(0), 10, 100)
    shapes = table[SHAPE].to_pylist()
    shapes[0], shapes[1] = shapes[1], shapes[0]
    assert np.prod(shapes[0]) != np.prod(shapes[1])
    place = table.column_names.index(SHAPE)
    changed = table.set_column(place, SHAPE, pa.array(shapes, table[SHAPE].type))
    pq.write_table(changed, tmp_path / "lidar")
    column, _ = open_column(tmp_path / "lidar", "lidar", VALUES)
    for row in (0, 1):
        with pytest.raises(CalicoError, match="a row begins elsewhere than its shape says"):
            column.read_range_image(row)
    assert column.read_range_image(2) is not None


@pytest.mark.parametrize("kind", [pa.list_(pa.int32()), pa.list_(pa.float16())])
def test_values_of_another_type_are_refused(kind: pa.DataType, tmp_path: Path) -> None:
    table = make_lidar(np.random.default_rng(0), 4, 10)
    lists = [None if row is None else [1] * len(row) for row in table[VALUES].to_pylist()]
    place = table.column_names.index(VALUES)
    pq.write_table(
        table.set_column(place, VALUES, pa.array(lists, kind)),
        tmp_path / "lidar",
        use_dictionary=False,
    )
    column, _ = open_column(tmp_path / "lidar", "lidar", VALUES)
    with pytest.raises(CalicoError, match="expected FLOAT"):
        column.read_range_image(0)


def make_images(rng: np.random.Generator, rows: int) -> pa.Table:
    schema = COMPONENTS["camera_image"].schema()
    images = [rng.bytes(int(size)) for size in rng.integers(0, 9000, rows)]
    columns = {
        "key.segment_context_name": [CONTEXT] * rows,
        "key.frame_timestamp_micros": np.arange(rows) // 5,
        "key.camera_name": np.arange(rows) % 5 + 1,
        IMAGE: [None if row % 6 == 4 else image for row, image in enumerate(images)],
    }
    return pa.table(
        [pa.array(columns.get(f.name, [None] * rows), f.type) for f in schema], schema=schema
    )


@pytest.mark.parametrize("name", [name for name in LAYOUTS if name != "split bytes"])
def test_images_of_every_layout(name: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    table, path = make_images(rng, 40), tmp_path / "images.parquet"
    options = {"row_group_size": 17, "data_page_size": 20_000, **LAYOUTS[name]}
    pq.write_table(table, path, **options)
    column, _ = open_column(path, "camera_image", IMAGE)
    expected = table[IMAGE].to_pylist()
    assert column.read_images(range(40)) == expected
    for _ in range(10):
        rows = sorted(rng.choice(40, 5, replace=False).tolist())
        assert column.read_images(rows) == [expected[row] for row in rows]
    assert column.read_images([]) == []


def test_images_in_an_unknown_encoding_are_refused(tmp_path: Path) -> None:
    pq.write_table(
        make_images(np.random.default_rng(1), 5),
        tmp_path / "images",
        use_dictionary=False,
        column_encoding={IMAGE: "DELTA_LENGTH_BYTE_ARRAY"},
    )
    column, _ = open_column(tmp_path / "images", "camera_image", IMAGE)
    with pytest.raises(CalicoError, match="values in encoding 6, which is not read"):
        column.read_images([0])
