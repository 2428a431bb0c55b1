"""One open Parquet file of a component: its footer, its columns, and whole small tables."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from calico.data.waymo.v2.casts import SmallTable
from calico.data.waymo.v2.schema import TEXT, Column, Component
from calico.errors import CalicoError
from calico.files import FileError, open_regular

MAX_FOOTER = 16 << 20
MAX_ROWS = 2_000_000
MAX_ROW_GROUPS = 10_000
MAX_TABLE_BYTES = 512 << 20
"""Largest sum of the columns of one table that are read at once, as the footer gives it."""
_MAGIC = b"PAR1"
_TAIL = 8
"""The length of the footer and the magic end every file."""


@dataclass(frozen=True)
class Chunk:
    """A column within one row group.

    Attributes:
        start, end: Where its pages lie in the file.
        values: Number of values, nulls and empty lists included.
        rows: Number of rows.
        codec: Name of the compression in lower case; "uncompressed" for none.
        type: Parquet's type of the values, e.g. "FLOAT".
        max_definition, max_repetition: Largest levels.
    """

    start: int
    end: int
    values: int
    rows: int
    codec: str
    type: str
    max_definition: int
    max_repetition: int


@contextlib.contextmanager
def name_errors(where: str) -> Iterator[None]:
    """Turn what pyarrow raises for damaged files into an error that names the file.

    Args:
        where: Name of the file for the message.
    """
    try:
        yield
    except CalicoError:
        raise
    except (
        pa.ArrowException, OSError, ValueError, KeyError, IndexError, OverflowError, MemoryError,
    ) as error:  # fmt: skip
        said = " ".join(str(error).split())[:200] or type(error).__name__
        raise CalicoError(
            f"{where}: no readable Parquet file ({said}); it is damaged or not complete"
        ) from error


class FilePart(io.RawIOBase):
    """Some bytes of an open file as a stream.

    Its place is its own: neither another stream nor a copy of the process moves it.
    """

    def __init__(self, handle: int, offset: int, size: int) -> None:
        """Begin at the first byte.

        Args:
            handle: Number of the open file.
            offset: Where the bytes begin.
            size: How many there are.
        """
        self._handle, self._offset, self._size, self._place = handle, offset, size, 0

    def readable(self) -> bool:
        """Return true."""
        return True

    def seekable(self) -> bool:
        """Return true."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read as many bytes as fit and are left.

        Args:
            buffer: Where they are written.
        """
        size = max(min(len(buffer), self._size - self._place), 0)
        content = os.pread(self._handle, size, self._offset + self._place)
        buffer[: len(content)] = content
        self._place += len(content)
        return len(content)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to another place.

        Args:
            offset: Number of bytes.
            whence: From the first byte, from here, or from the end.
        """
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        self._place = start + offset
        return self._place


class ComponentFile:
    """An open file. It belongs to one thread of one process, and is never pickled.

    Attributes:
        path: The file.
        component: What it holds.
        where: Its name for messages.
        identity: SHA-256 over size, time of the last change and footer, which has the place of
            every column.
    """

    def __init__(self, path: Path, component: Component) -> None:
        """Open a file and read its footer.

        Args:
            path: A Parquet file.
            component: The table that it must hold.

        Raises:
            CalicoError: The file is missing, damaged or too large, or lacks a column.
        """
        self.path, self.component = path, component
        self.where = f"Waymo {component.tag} {path}"
        with open_regular(path, f"Waymo {component.tag}") as stream:
            self._handle = os.dup(stream.fileno())
        self._finalizer = weakref.finalize(self, os.close, self._handle)
        try:
            self._status = _status(os.fstat(self._handle))
            self._size = self._status[1]
            self.identity = self._identify()
            with name_errors(self.where):
                stream = pa.PythonFile(self.open_part(0, self._size), "r")
                metadata = pq.read_metadata(stream)
                self._check(metadata)
                texts = [c.name for c in component.columns if c.type == TEXT and self.has(c)]
                self._file = pq.ParquetFile(
                    stream, metadata=metadata, read_dictionary=texts, pre_buffer=False
                )
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file; otherwise it is closed when the object ends."""
        self._finalizer()

    def is_current(self) -> bool:
        """Tell whether the file is still there as it was opened."""
        try:
            return _status(self.path.stat()) == self._status
        except OSError:
            return False

    @property
    def rows(self) -> list[int]:
        """Number of rows of every row group."""
        metadata = self._file.metadata
        return [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]

    def has(self, column: Column) -> bool:
        """Tell whether the file has a column."""
        return column.name in self._names

    def read_bytes(self, offset: int, size: int) -> bytes:
        """Read bytes at a place, fewer at the end of the file.

        Args:
            offset: The place.
            size: How many.

        Raises:
            CalicoError: The system cannot read them.
        """
        with name_errors(self.where):
            return os.pread(self._handle, size, offset)

    def open_part(self, offset: int, size: int) -> FilePart:
        """Open some bytes of the file as a stream.

        Args:
            offset: Where they begin.
            size: How many there are.
        """
        return FilePart(self._handle, offset, size)

    def read_table(self, columns: Sequence[Column]) -> SmallTable:
        """Read whole columns.

        Args:
            columns: Columns of the component; those that the file lacks are left out.

        Returns:
            The table, with the file's types and all of its rows.

        Raises:
            CalicoError: The file is damaged, or holds more than expected.
        """
        names = [column.name for column in columns if self.has(column)]
        claimed = sum(self._claim(name) for name in names)
        if claimed > MAX_TABLE_BYTES:
            raise CalicoError(
                f"{self.where}: columns {', '.join(names)} take {claimed} bytes, expected at most "
                f"{MAX_TABLE_BYTES}"
            )
        with name_errors(self.where):
            table = self._file.read(columns=names, use_threads=False)
            table.validate(full=True)
        if table.num_rows != sum(self.rows):
            raise CalicoError(
                f"{self.where}: has {table.num_rows} rows, but its row groups have {sum(self.rows)}"
            )
        return SmallTable(table, self.component, self.where)

    def chunks(self, column: Column) -> list[Chunk]:
        """Describe a column that is read page by page.

        Returns:
            One chunk of each row group.

        Raises:
            CalicoError: The footer places a page outside the file.
        """
        place = self._leaf(column.name)
        level = self._file.schema.column(place)
        found = []
        for group in range(self._file.metadata.num_row_groups):
            row_group = self._file.metadata.row_group(group)
            chunk = row_group.column(place)
            start = chunk.data_page_offset
            if chunk.dictionary_page_offset:
                start = min(start, chunk.dictionary_page_offset)
            end = start + chunk.total_compressed_size
            if row_group.num_rows == 0:
                start = end = len(_MAGIC)
            if not 0 < start <= end <= self._size:
                raise CalicoError(
                    f"{self.where}: column {column.name} of row group {group} lies at bytes "
                    f"{start} to {end}, but the file has {self._size}"
                )
            found.append(
                Chunk(
                    start,
                    end,
                    chunk.num_values,
                    row_group.num_rows,
                    chunk.compression.lower(),
                    chunk.physical_type,
                    level.max_definition_level,
                    level.max_repetition_level,
                )
            )
        return found

    def _identify(self) -> str:
        tail = self.read_bytes(max(self._size - _TAIL, 0), _TAIL)
        size = int.from_bytes(tail[:4], "little")
        if tail[4:] != _MAGIC or self._size < size + _TAIL + len(_MAGIC):
            raise FileError(f"{self.where}: no Parquet file, or cut off: its end is missing")
        if size > MAX_FOOTER:
            raise FileError(
                f"{self.where}: its footer has {size} bytes, expected at most {MAX_FOOTER}"
            )
        footer = self.read_bytes(self._size - _TAIL - size, size)
        about = f"{self._size} {self._status[2]} ".encode()
        return hashlib.sha256(about + footer).hexdigest()

    def _check(self, metadata: Any) -> None:
        names = metadata.schema.to_arrow_schema().names
        if metadata.num_rows > MAX_ROWS or metadata.num_row_groups > MAX_ROW_GROUPS:
            raise CalicoError(
                f"{self.where}: has {metadata.num_rows} rows in {metadata.num_row_groups} row "
                f"groups, expected at most {MAX_ROWS} in {MAX_ROW_GROUPS}"
            )
        if len(set(names)) != len(names):
            raise CalicoError(f"{self.where}: two columns have one name")
        self._names = frozenset(names)
        missing = [
            column.name
            for column in self.component.columns
            if column.name not in self._names and not column.optional
        ]
        if missing:
            raise CalicoError(
                f"{self.where}: lacks the column {missing[0]}; it has {', '.join(names)[:300]!a}"
            )

    def _leaf(self, name: str) -> int:
        """Find the number of a column among those that hold values."""
        leaves = self._file.schema
        for place in range(len(leaves)):
            path = leaves.column(place).path
            if path == name or path.startswith(f"{name}."):
                return place
        raise CalicoError(f"{self.where}: lacks the column {name}")

    def _claim(self, name: str) -> int:
        place, metadata = self._leaf(name), self._file.metadata
        sizes: list[Any] = [
            metadata.row_group(group).column(place).total_uncompressed_size
            for group in range(metadata.num_row_groups)
        ]
        return sum(max(int(size), 0) for size in sizes)


def _status(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_ino, found.st_size, found.st_mtime_ns
