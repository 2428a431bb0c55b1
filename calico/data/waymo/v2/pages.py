"""Pages of a column: where they lie, and their content without compression.

pyarrow reads a row group from its beginning. To read one row in its middle without all rows before
it, the pages are found by their headers, and only those that hold the row are decompressed.

Source: `parquet.thrift` and `Encodings.md` of apache/parquet-format.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from calico.data.waymo.v2.files import Chunk, ComponentFile, name_errors
from calico.data.waymo.v2.levels import decode_runs
from calico.data.waymo.v2.thrift import TruncatedError, read_struct
from calico.errors import CalicoError

PLAIN, PLAIN_DICTIONARY, RLE, RLE_DICTIONARY = 0, 2, 3, 8
DICTIONARY_CODES = (PLAIN_DICTIONARY, RLE_DICTIONARY)
DATA, DICTIONARY, DATA_2 = 0, 2, 3
"""Kinds of pages; those of indices are skipped."""
MAX_WHOLE_PAGE = 64 << 20
"""Largest page that is decompressed at once."""
MAX_PAGE_VALUES = 1 << 25
_HEADER_SIZES = (1 << 9, 1 << 14, 1 << 20)
_STREAMED = ("brotli", "gzip", "zstd")
"""Codecs that pyarrow decompresses piece by piece."""
_CODECS = (*_STREAMED, "snappy", "uncompressed")


@dataclass(frozen=True)
class PageHeader:
    """What stands in front of a page.

    Attributes:
        kind: `DATA`, `DATA_2`, `DICTIONARY` or another one.
        offset: Place of its body in the file.
        size: Bytes of its body in the file.
        full_size: Bytes of its body without compression.
        count: Number of values, nulls included.
        encoding: Of the values.
        levels: Bytes of the repetition and the definition levels of a `DATA_2` page, which are not
            compressed.
        compressed: Whether the values are.
    """

    kind: int
    offset: int
    size: int
    full_size: int
    count: int
    encoding: int
    levels: tuple[int, int] = (0, 0)
    compressed: bool = True

    @property
    def end(self) -> int:
        """The place where the next page begins."""
        return self.offset + self.size


@dataclass(frozen=True)
class Page:
    """A page of values without compression.

    Attributes:
        repetition: (n,) level of every value. 0 begins a row. None for a column without lists.
        definition: (n,) level of every value. The largest says that it is there. None if all are.
        content: The coded values, without those that are not there.
        encoding: Of the values.
    """

    repetition: npt.NDArray[np.unsignedinteger[Any]] | None
    definition: npt.NDArray[np.unsignedinteger[Any]] | None
    content: bytes | memoryview
    encoding: int


def scan_pages(file: ComponentFile, chunk: Chunk) -> Iterator[PageHeader]:
    """Read the headers of all pages of a chunk.

    Args:
        file: The file.
        chunk: A column within a row group.

    Yields:
        The headers in the order of the file.

    Raises:
        CalicoError: The chunk is not a row of whole pages.
    """
    place = chunk.start
    while place < chunk.end:
        header = read_header(file, chunk, place)
        yield header
        place = header.end


def read_header(file: ComponentFile, chunk: Chunk, place: int) -> PageHeader:
    """Read the header of a page.

    Args:
        file: The file.
        chunk: What the page belongs to.
        place: Where the header begins.

    Raises:
        CalicoError: There is no header, or the page does not fit into the chunk.
    """
    where = f"{file.where}: page at byte {place}"
    for size in _HEADER_SIZES:
        content = file.read_bytes(place, min(size, chunk.end - place))
        try:
            fields, length = read_struct(content)
            header = _interpret(fields, place + length)
        except TruncatedError:
            if len(content) < size:
                break
            continue
        except ValueError as error:
            raise CalicoError(f"{where}: has no readable header ({error})") from None
        if header.count > MAX_PAGE_VALUES:
            raise CalicoError(
                f"{where}: has {header.count} values, expected at most {MAX_PAGE_VALUES}"
            )
        if header.end > chunk.end:
            raise CalicoError(
                f"{where}: has {header.size} bytes, but its column ends after "
                f"{chunk.end - header.offset}"
            )
        return header
    raise CalicoError(f"{where}: its header does not end")


def read_page(file: ComponentFile, chunk: Chunk, header: PageHeader) -> Page:
    """Read and decompress a data page.

    Args:
        file: The file.
        chunk: What the page belongs to.
        header: Its header.

    Raises:
        CalicoError: It is damaged, too large, or coded in a way that nobody writes.
    """
    where = f"{file.where}: page at byte {header.offset}"
    body = file.read_bytes(header.offset, header.size)
    with name_errors(where):
        if header.kind == DATA_2:
            prefix = sum(header.levels)
            content: Any = memoryview(body)[prefix:]
            if header.compressed:
                content = decompress(content, chunk.codec, header.full_size - prefix)
            repetition = memoryview(body)[: header.levels[0]]
            definition = memoryview(body)[header.levels[0] : prefix]
        else:
            content = decompress(body, chunk.codec, header.full_size)
            repetition, content = _cut(content, chunk.max_repetition)
            definition, content = _cut(content, chunk.max_definition)
        return Page(
            _levels(repetition, chunk.max_repetition, header.count),
            _levels(definition, chunk.max_definition, header.count),
            content,
            header.encoding,
        )


def decompress(body: Any, codec: str, size: int) -> memoryview:
    """Decompress the whole body of a page.

    Args:
        body: Its bytes.
        codec: See `Chunk`.
        size: Bytes of the result, as the header gives them.

    Raises:
        ValueError: The result is too large, or has another size.
    """
    if not 0 <= size <= MAX_WHOLE_PAGE:
        raise ValueError(
            f"a page takes {size} bytes without compression, expected at most {MAX_WHOLE_PAGE}"
        )
    if codec == "uncompressed":
        content = memoryview(body)
    elif codec in _STREAMED:
        # pyarrow's Codec would not say that the result is shorter, and one byte more shows a
        # longer one.
        content = memoryview(bytearray(size + 1))
        with pa.CompressedInputStream(pa.BufferReader(body), codec) as stream:
            content = content[: _read_into(stream, content)]
    elif codec == "snappy":
        if _read_snappy_size(body) != size:
            raise ValueError(f"a page has {_read_snappy_size(body)} bytes, its header says {size}")
        content = memoryview(pa.Codec(codec).decompress(body, size))
    else:
        raise ValueError(f"compressed with {codec}, expected one of {', '.join(_CODECS)}")
    if len(content) != size:
        raise ValueError(f"a page has {len(content)} bytes, its header says {size}")
    return content


def open_page(file: ComponentFile, chunk: Chunk, header: PageHeader) -> IO[bytes]:
    """Open a page of large values, which are read one after another.

    Args:
        file: The file.
        chunk: What the page belongs to.
        header: Its header.

    Returns:
        A stream of the page's body without compression, from behind its levels in a `DATA_2` page
        and from its first byte in others.
    """
    prefix = sum(header.levels)
    body = file.open_part(header.offset + prefix, header.size - prefix)
    if chunk.codec == "uncompressed" or not header.compressed:
        return io.BufferedReader(body)
    if chunk.codec in _STREAMED:
        stream: IO[bytes] = pa.CompressedInputStream(pa.PythonFile(body, "r"), chunk.codec)
        return stream
    content = decompress(body.readall(), chunk.codec, header.full_size - prefix)
    return io.BytesIO(content)


def _read_into(stream: Any, buffer: memoryview) -> int:
    """Read until the stream ends or the buffer is full; the number of bytes."""
    filled = 0
    while filled < len(buffer):
        count = stream.readinto(buffer[filled:])
        if not count:
            break
        filled += count
    return filled


def _read_snappy_size(body: Any) -> int:
    """The size of the content, with which the format begins: seven bits in each byte."""
    size = 0
    for place, byte in enumerate(body[:5]):
        size |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            break
    return size


def _interpret(fields: dict[int, Any], offset: int) -> PageHeader:
    """Check the fields of a header, by their numbers in `parquet.thrift`."""
    kind, full, size = (_number(fields, number) for number in (1, 2, 3))
    detail = fields.get({DATA: 5, DICTIONARY: 7, DATA_2: 8}.get(kind, -1))
    if detail is None:
        return PageHeader(kind, offset, size, full, 0, PLAIN)
    if not isinstance(detail, dict):
        raise ValueError("a field has another type than expected")
    if kind == DICTIONARY:
        return PageHeader(kind, offset, size, full, _number(detail, 1), _number(detail, 2))
    if kind == DATA:
        if _number(detail, 3) != RLE or _number(detail, 4) != RLE:
            raise ValueError("levels in an encoding that is out of use")
        return PageHeader(kind, offset, size, full, _number(detail, 1), _number(detail, 2))
    levels = _number(detail, 6), _number(detail, 5)
    if sum(levels) > min(size, full):
        raise ValueError("levels are longer than their page")
    compressed = detail.get(7, True) is True
    return PageHeader(
        kind, offset, size, full, _number(detail, 1), _number(detail, 4), levels, compressed
    )


def _number(fields: dict[int, Any], number: int) -> int:
    value = fields.get(number)
    if not isinstance(value, int) or value < 0:
        raise ValueError(f"field {number} is {value!r}, expected a number that is not negative")
    return value


def _cut(content: memoryview, largest: int) -> tuple[memoryview, memoryview]:
    """Cut levels, which have their length in front, from what follows."""
    if largest == 0:
        return content[:0], content
    size = int.from_bytes(content[:4], "little")
    if 4 + size > len(content):
        raise ValueError(f"levels of {size} bytes in a page of {len(content)}")
    return content[4 : 4 + size], content[4 + size :]


def _levels(content: Any, largest: int, count: int) -> npt.NDArray[np.unsignedinteger[Any]] | None:
    if largest == 0:
        return None
    return decode_runs(bytes(content), largest.bit_length(), count)
