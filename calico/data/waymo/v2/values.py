"""Range images and JPEG images of single rows, read from the pages that hold them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from calico.data.waymo.v2.decode import decode_numbers
from calico.data.waymo.v2.files import Chunk, ComponentFile, name_errors
from calico.data.waymo.v2.index import ColumnPages
from calico.data.waymo.v2.levels import decode_runs
from calico.data.waymo.v2.pages import (
    DATA_2,
    DICTIONARY,
    DICTIONARY_CODES,
    PLAIN,
    Page,
    PageHeader,
    decompress,
    open_page,
    read_header,
    read_page,
)
from calico.data.waymo.v2.schema import Column
from calico.errors import CalicoError
from calico.frame import Float32, Int64

MAX_IMAGE_BYTES = 32 << 20
_KEPT_PAGE_BYTES = 4 << 20
"""Largest page that is kept for the next row."""
_SKIP_BYTES = 1 << 20
_TYPES: dict[str, Any] = {"FLOAT": np.dtype("<f4"), "DOUBLE": np.dtype("<f8")}


class LargeColumn:
    """A column whose values are too large to be read row group by row group.

    It keeps the last page and the last dictionary until `forget`, because the next row begins in
    that page.
    """

    def __init__(self, file: ComponentFile, column: Column, pages: ColumnPages, groups: Int64):
        """Open a column.

        Args:
            file: The open file.
            column: Lists of float32, or binary values.
            pages: Where its values lie.
            groups: (n,) row group of every row.
        """
        self._file, self._pages, self._groups = file, pages, groups
        self._chunks = file.chunks(column)
        self._where = f"{file.where}: column {column.name}"
        self._last: tuple[int, Page] | None = None
        self._dictionary: tuple[int, memoryview, int] | None = None

    def read_range_image(self, row: int) -> Float32 | None:
        """Read the range image of a row.

        Args:
            row: Number in the file.

        Returns:
            (H, W, C) float32; None where the row has none.

        Raises:
            CalicoError: A page is damaged, or does not hold the values that the shape needs.
        """
        assert self._pages.shapes is not None
        shape = tuple(int(v) for v in self._pages.shapes[row])
        if shape[0] < 0:
            return None
        group, start = int(self._groups[row]), int(self._pages.starts[row])
        length = int(self._pages.lengths[row])
        values = np.empty(length, np.float32)
        filled = 0
        for place, first in self._data_pages(group, start, start + length):
            begin = max(start - first, 0)
            part = self._read_part(group, place, begin, start + length - first, filled == 0)
            values[filled : filled + len(part)] = part
            filled += len(part)
        if filled != length:
            raise CalicoError(f"{self._where}: row {row} has {filled} values, expected {length}")
        return values.reshape(shape)

    def read_images(self, rows: Sequence[int]) -> list[bytes | None]:
        """Read the binary values of some rows, each page once.

        Args:
            rows: Numbers in the file, ascending.

        Returns:
            The value of each row; None for null.

        Raises:
            CalicoError: A page is damaged, or a value is larger than any image.
        """
        found: dict[int, bytes | None] = {}
        wanted: dict[tuple[int, int], dict[int, int]] = {}
        for row in rows:
            group, start = int(self._groups[row]), int(self._pages.starts[row])
            place, first = self._data_pages(group, start, start + 1)[0]
            wanted.setdefault((group, place), {})[start - first] = row
        for (group, place), places in wanted.items():
            with name_errors(self._where):
                values = self._read_binary(group, place, sorted(places))
            found |= {row: values[within] for within, row in places.items()}
        return [found[row] for row in rows]

    def forget(self) -> None:
        """Drop the page and the dictionary that were kept, to save memory."""
        self._last = self._dictionary = None
        pa.default_memory_pool().release_unused()

    def _data_pages(self, group: int, start: int, end: int) -> list[tuple[int, int]]:
        """List (place, first level) of the pages that hold some levels of a row group."""
        pages = self._pages
        numbers = np.flatnonzero(pages.page_groups == group)
        firsts = pages.page_levels[numbers]
        low = int(np.searchsorted(firsts, start, "right")) - 1
        high = int(np.searchsorted(firsts, end, "left"))
        return [(int(pages.page_offsets[n]), int(pages.page_levels[n])) for n in numbers[low:high]]

    def _read_part(
        self, group: int, place: int, begin: int, end: int, is_first: bool
    ) -> npt.NDArray[Any]:
        """Read the values of a row between two levels of a page, as far as the page goes."""
        chunk = self._chunks[group]
        page = self._page(chunk, place)
        where = f"{self._where}: page at byte {place}"
        with name_errors(where):
            repetition, definition = page.repetition, page.definition
            assert repetition is not None
            end = min(end, len(repetition))
            starts_row = repetition[begin:end] == 0
            follower = repetition[end] if end < len(repetition) else 0
            if starts_row[0] != is_first or starts_row[1:].any() or follower != 0:
                raise CalicoError(f"{where}: a row begins elsewhere than its shape says")
            if definition is not None:
                there = definition == chunk.max_definition
                if not there[begin:end].all():
                    raise CalicoError(f"{where}: a row with a shape lacks values")
                before = int(np.count_nonzero(there[:begin]))
                begin, end = before, before + end - begin
            return self._decode(chunk, group, page, begin, end)

    def _page(self, chunk: Chunk, place: int) -> Page:
        if self._last is not None and self._last[0] == place:
            return self._last[1]
        self._last = None  # two pages at once would take more memory
        page = read_page(self._file, chunk, read_header(self._file, chunk, place))
        if len(page.content) <= _KEPT_PAGE_BYTES:
            self._last = place, page
        return page

    def _decode(
        self, chunk: Chunk, group: int, page: Page, begin: int, end: int
    ) -> npt.NDArray[Any]:
        """Decode the numbers `begin` to `end` of those that a page holds."""
        if chunk.type not in _TYPES:
            raise CalicoError(f"{self._where}: holds {chunk.type}, expected FLOAT")
        kind = _TYPES[chunk.type]
        if page.encoding == PLAIN:
            plain: npt.NDArray[Any] = np.frombuffer(
                page.content, kind, end - begin, begin * kind.itemsize
            )
            return plain
        definition = page.definition
        count = len(page.repetition) if page.repetition is not None else 0
        if definition is not None:
            count = int(np.count_nonzero(definition == chunk.max_definition))
        dictionary = None
        if page.encoding in DICTIONARY_CODES:
            dictionary = self._dictionary_page(chunk, group)
        return decode_numbers(chunk.type, page.encoding, page.content, count, dictionary)[begin:end]

    def _dictionary_page(self, chunk: Chunk, group: int) -> tuple[memoryview, int]:
        """Content and number of values of a dictionary."""
        place = int(self._pages.dictionaries[group])
        if self._dictionary is None or self._dictionary[0] != place:
            self._dictionary = None
            header = self._dictionary_header(chunk, group)
            body = self._file.read_bytes(header.offset, header.size)
            content = decompress(body, chunk.codec, header.full_size)
            self._dictionary = place, content, header.count
        return self._dictionary[1:]

    def _dictionary_header(self, chunk: Chunk, group: int) -> PageHeader:
        place = int(self._pages.dictionaries[group])
        if place < 0:
            raise CalicoError(f"{self._where}: row group {group} lacks its dictionary")
        header = read_header(self._file, chunk, place)
        if header.kind != DICTIONARY or header.encoding not in (PLAIN, *DICTIONARY_CODES):
            raise CalicoError(f"{self._where}: no dictionary at byte {place}")
        return header

    def _read_binary(self, group: int, place: int, wanted: list[int]) -> dict[int, bytes | None]:
        """Read values of a page by their place among its levels."""
        chunk = self._chunks[group]
        if chunk.type != "BYTE_ARRAY":
            raise CalicoError(f"{self._where}: holds {chunk.type}, expected BYTE_ARRAY")
        header = read_header(self._file, chunk, place)
        with open_page(self._file, chunk, header) as stream:
            there = self._definition(chunk, header, stream)
            before = np.cumsum(there) - there
            ordinals = {within: int(before[within]) for within in wanted if there[within]}
            if header.encoding == PLAIN:
                values = _pick_binary(stream, sorted(set(ordinals.values())))
            elif header.encoding in DICTIONARY_CODES:
                values = self._from_dictionary(
                    chunk, group, stream.read(), sorted(set(ordinals.values()))
                )
            else:
                raise CalicoError(
                    f"{self._where}: values in encoding {header.encoding}, which is not read"
                )
        return {w: values[ordinals[w]] if w in ordinals else None for w in wanted}

    def _definition(
        self, chunk: Chunk, header: PageHeader, stream: IO[bytes]
    ) -> npt.NDArray[np.int64]:
        """Whether each value of a page is there; the stream then stands at the first value."""
        if chunk.max_definition == 0:
            return np.ones(header.count, np.int64)
        if header.kind == DATA_2:
            content = self._file.read_bytes(header.offset + header.levels[0], header.levels[1])
        else:
            size = int.from_bytes(_read_exactly(stream, 4), "little")
            if size > _SKIP_BYTES:
                raise ValueError(f"levels of {size} bytes")
            content = _read_exactly(stream, size)
        levels = decode_runs(content, chunk.max_definition.bit_length(), header.count)
        there: npt.NDArray[np.int64] = (levels == chunk.max_definition).astype(np.int64)
        return there

    def _from_dictionary(
        self, chunk: Chunk, group: int, content: bytes, ordinals: list[int]
    ) -> dict[int, bytes]:
        if not ordinals:
            return {}
        indices = decode_runs(content[1:], content[0], ordinals[-1] + 1)
        header = self._dictionary_header(chunk, group)
        numbers = [int(indices[ordinal]) for ordinal in ordinals]
        if max(numbers) >= header.count:
            raise ValueError(f"value {max(numbers)} of a dictionary of {header.count}")
        with open_page(self._file, chunk, header) as stream:
            values = _pick_binary(stream, sorted(set(numbers)))
        return {ordinal: values[number] for ordinal, number in zip(ordinals, numbers, strict=True)}


def _pick_binary(stream: IO[bytes], wanted: list[int]) -> dict[int, bytes]:
    """Read some of the values that follow one another, each behind its length."""
    found: dict[int, bytes] = {}
    for number in range(wanted[-1] + 1 if wanted else 0):
        size = int.from_bytes(_read_exactly(stream, 4), "little")
        if size > MAX_IMAGE_BYTES:
            raise ValueError(f"an image of {size} bytes, expected at most {MAX_IMAGE_BYTES}")
        if number in wanted:
            found[number] = _read_exactly(stream, size)
            continue
        while size:
            size -= len(_read_exactly(stream, min(size, _SKIP_BYTES)))
    return found


def _read_exactly(stream: IO[bytes], size: int) -> bytes:
    content = stream.read(size)
    if len(content) != size:
        raise ValueError("a page ends too early")
    return content
