"""The rows of a file by (timestamp, sensor), and the pages that hold their large values.

An index is made of the key columns, the shapes of the range images and the headers of the pages;
no range image and no JPEG image is read. It is kept in the cache folder under a name made of the
file's size, footer and time of the last change, so that it holds for no other file. A damaged index
is made again.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from calico.data.waymo.v2.files import ComponentFile
from calico.data.waymo.v2.pages import DATA, DATA_2, DICTIONARY, scan_pages
from calico.data.waymo.v2.schema import BINARY, CAMERA, LASER, PIXELS, SEGMENT, TIMESTAMP, Column
from calico.errors import CalicoError
from calico.files import (
    DAMAGED_NPZ,
    FileError,
    check_seal,
    is_replaceable,
    is_sealed,
    read_bytes,
    seal_zip,
    user_cache_dir,
    write_atomic,
)
from calico.frame import Int64

LOG = logging.getLogger(__name__)
INDEX_VERSION = 1
"""Raised whenever the same file gives another index; part of the key."""
MAX_BYTES = 256 << 20
_ROWS = ("timestamps", "sensors", "groups")
_NO_DICTIONARY = -1


@dataclass(frozen=True)
class ColumnPages:
    """The places of the values of a column. Levels are counted from the start of the row group.

    A list takes one level for each of its values, and one if it is empty or null. A value that is
    no list takes one.

    Attributes:
        shapes: (n, 3) of the range image of every row, -1 for a row without one. None for images.
        starts: (n,) first level of every row.
        lengths: (n,) levels of every row.
        page_groups: (p,) row group of every data page.
        page_offsets: (p,) place of its header.
        page_levels: (p,) its first level.
        dictionaries: (g,) place of the header of the dictionary of every row group, or -1.
    """

    shapes: Int64 | None
    starts: Int64
    lengths: Int64
    page_groups: Int64
    page_offsets: Int64
    page_levels: Int64
    dictionaries: Int64


@dataclass(frozen=True)
class RowIndex:
    """The n rows of a file, in the order of the file.

    Attributes:
        timestamps: (n,) [microseconds].
        sensors: (n,) number of the laser or camera.
        groups: (n,) row group.
        columns: The columns that are read page by page, by name.
    """

    timestamps: Int64
    sensors: Int64
    groups: Int64
    columns: Mapping[str, ColumnPages]

    def find_row(self, timestamp_us: int, sensor: int) -> int | None:
        """Find the row of a sensor in a frame.

        Args:
            timestamp_us: Time of the frame [microseconds].
            sensor: Number of the laser or camera.

        Returns:
            Number of the row in the file, or None if the file has no such row.
        """
        found = np.flatnonzero((self.timestamps == timestamp_us) & (self.sensors == sensor))
        return int(found[0]) if len(found) else None


def default_cache_dir() -> Path:
    """Return calico/waymo in the user's cache folder."""
    return user_cache_dir() / "waymo"


def load_index(file: ComponentFile, context: str, cache_dir: Path | None = None) -> RowIndex:
    """Read the index of a file from the cache, or make it.

    Args:
        file: An open component with a sensor key.
        context: The segment that its rows must be of.
        cache_dir: Folder of the cache; by default calico/waymo in the user's cache folder.

    Raises:
        CalicoError: The file is damaged, or two rows have one timestamp and sensor.
    """
    key = f"{file.component.tag}-{INDEX_VERSION}-{file.identity[:40]}"
    path = (cache_dir or default_cache_dir()) / f"{key}.npz"
    index = _load(path, f"{key} {context}")
    if index is None:
        index = build_index(file, context)
        _save(path, f"{key} {context}", index)
    return index


def build_index(file: ComponentFile, context: str) -> RowIndex:
    """Make the index of a file from its keys, shapes and page headers.

    Args:
        file: See `load_index`.
        context: See `load_index`.

    Raises:
        CalicoError: See `load_index`, or the pages do not hold what the shapes need.
    """
    component = file.component
    sensor = next(column for column in component.columns if column.name in (LASER, CAMERA))
    large = [c for c in component.columns if c.type in (PIXELS, BINARY) and file.has(c)]
    shapes = {c.name: _shape_column(file, c) for c in large if c.type == PIXELS}
    keys = [component.column(SEGMENT), component.column(TIMESTAMP), sensor]
    table = file.read_table([*keys, *shapes.values()])
    table.check_segment(context)
    timestamps = table.read_integers(TIMESTAMP)
    sensors = table.read_integers(sensor.name)
    _check_unique(timestamps, sensors, file.where)
    sizes = np.array(file.rows, np.int64)
    if len(timestamps) != sizes.sum():
        raise CalicoError(f"{file.where}: has {len(timestamps)} rows, its row groups {sizes.sum()}")
    groups = np.repeat(np.arange(len(sizes)), sizes)
    columns = {}
    for column in large:
        shape = shapes.get(column.name)
        images = None if shape is None else table.read_shapes(shape.name)
        columns[column.name] = _find_pages(file, column, groups, images)
    return RowIndex(timestamps, sensors, groups, columns)


def _shape_column(file: ComponentFile, values: Column) -> Column:
    name = values.name.removesuffix(".values") + ".shape"
    shape = next(column for column in file.component.columns if column.name == name)
    if not file.has(shape):
        raise CalicoError(f"{file.where}: lacks the column {name}")
    return shape


def _check_unique(timestamps: Int64, sensors: Int64, where: str) -> None:
    pairs, counts = np.unique(np.stack([timestamps, sensors]), axis=1, return_counts=True)
    if (counts > 1).any():
        timestamp, sensor = pairs[:, counts > 1][:, 0]
        raise CalicoError(
            f"{where}: {counts.max()} rows have the timestamp {timestamp} and sensor {sensor}, "
            "expected one"
        )


def _find_pages(
    file: ComponentFile, column: Column, groups: Int64, shapes: Int64 | None
) -> ColumnPages:
    """Locate the pages of a column, and count that they hold what the shapes need."""
    lengths = np.ones(len(groups), np.int64)
    if shapes is not None:
        lengths = np.maximum(np.where(shapes[:, 0] < 0, 0, shapes.prod(axis=1)), 1)
    starts = np.zeros(len(groups), np.int64)
    pages: list[tuple[int, int, int]] = []
    dictionaries = []
    for group, chunk in enumerate(file.chunks(column)):
        where = f"{file.where}: column {column.name} of row group {group}"
        if chunk.max_repetition != (0 if shapes is None else 1):
            raise CalicoError(f"{where}: nested lists or none, expected {column.type}")
        rows = np.flatnonzero(groups == group)
        starts[rows] = np.cumsum(lengths[rows]) - lengths[rows]
        level, dictionary = 0, _NO_DICTIONARY
        place = chunk.start
        for header in scan_pages(file, chunk):
            if header.kind == DICTIONARY:
                dictionary = place
            elif header.kind in (DATA, DATA_2):
                pages.append((group, place, level))
                level += header.count
            place = header.end
        if level != lengths[rows].sum() or level != chunk.values:
            raise CalicoError(
                f"{where}: its pages hold {level} values and its footer says {chunk.values}, but "
                f"the shapes of its rows need {lengths[rows].sum()}"
            )
        dictionaries.append(dictionary)
    table = np.array(pages, np.int64).reshape(-1, 3)
    return ColumnPages(
        shapes, starts, lengths, table[:, 0], table[:, 1], table[:, 2],
        np.array(dictionaries, np.int64),
    )  # fmt: skip


_PAGES = ("starts", "lengths", "page_groups", "page_offsets", "page_levels", "dictionaries")


def _save(path: Path, key: str, index: RowIndex) -> None:
    arrays: dict[str, Any] = {name: getattr(index, name) for name in _ROWS}
    arrays |= {"key": np.array(key), "columns": np.array(list(index.columns), np.str_)}
    for place, column in enumerate(index.columns.values()):
        arrays |= {f"{place}.{name}": getattr(column, name) for name in _PAGES}
        if column.shapes is not None:
            arrays[f"{place}.shapes"] = column.shapes
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=False, **arrays)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not is_replaceable(path):
            path.unlink()  # a pipe or a device in the place of a cached file
        write_atomic(path, seal_zip(stream.getvalue()))
    except OSError as error:
        LOG.warning("index of Waymo rows %s: cannot be kept (%s)", path, error.strerror)


def _load(path: Path, key: str) -> RowIndex | None:
    if not path.exists():
        return None
    try:
        content = read_bytes(path, MAX_BYTES, "index of Waymo rows")
        if not is_sealed(content):
            raise FileError(f"index of Waymo rows {path}: carries no checksum")
        check_seal(content, f"index of Waymo rows {path}")
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            data = {name: stored[name] for name in stored.files}
        if str(data["key"]) != key:
            raise FileError(f"index of Waymo rows {path}: is of {data['key']}, expected {key}")
        return _restore(data)
    except FileError as error:
        LOG.warning("%s; made again", error)
    except DAMAGED_NPZ as error:
        LOG.warning("index of Waymo rows %s: cannot be read (%s); made again", path, error)
    return None


def _restore(data: Mapping[str, Any]) -> RowIndex:
    rows = [_integers(data[name], 1) for name in _ROWS]
    columns = {}
    for place, name in enumerate(data["columns"].tolist()):
        parts = [_integers(data[f"{place}.{part}"], 1) for part in _PAGES]
        shapes = data.get(f"{place}.shapes")
        columns[name] = ColumnPages(None if shapes is None else _integers(shapes, 2), *parts)
        _equal_lengths([rows[0], *parts[:2]])
        _equal_lengths(parts[2:5])
    _equal_lengths(rows)
    return RowIndex(rows[0], rows[1], rows[2], columns)


def _integers(array: Any, dimensions: int) -> Int64:
    if array.dtype != np.int64 or array.ndim != dimensions:
        raise ValueError("an array has another type or shape than expected")
    result: Int64 = array
    return result


def _equal_lengths(arrays: Sequence[Int64]) -> None:
    if len({len(array) for array in arrays}) > 1:
        raise ValueError("arrays of one table have different lengths")
