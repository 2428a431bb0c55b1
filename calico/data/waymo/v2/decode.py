"""Numbers of one page, decoded by pyarrow.

pyarrow decodes files, not pages. So the page becomes the only one of a file in memory: a column
of plain numbers, without lists and nulls, because those stand in the levels, which are cut off
before. This is many times as fast as the same in Python.

Source: `parquet.thrift` of apache/parquet-format.
"""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from calico.data.waymo.v2.thrift import BINARY, I32, I64, LIST, STRUCT, write_struct

_TYPES = {"FLOAT": 4, "DOUBLE": 5}
_MAGIC = b"PAR1"
_PLAIN, _RLE = 0, 3
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2
_REQUIRED, _UNCOMPRESSED, _VERSION = 0, 0, 1


def decode_numbers(
    kind: str,
    encoding: int,
    content: bytes | memoryview,
    count: int,
    dictionary: tuple[bytes | memoryview, int] | None = None,
) -> npt.NDArray[Any]:
    """Decode the numbers of a page.

    Args:
        kind: "FLOAT" or "DOUBLE".
        encoding: Parquet's number of the encoding.
        content: The coded numbers, neither compressed nor with levels.
        count: How many they are.
        dictionary: Its numbers one after another, and how many they are, for a page of indices.

    Returns:
        (count,) float32 or float64.

    Raises:
        pyarrow.ArrowException, OSError: The content does not hold so many numbers.
    """
    parts: list[bytes | memoryview] = [_MAGIC]
    place = len(_MAGIC)
    offsets: list[tuple[int, int, Any]] = []
    if dictionary is not None:
        inner = write_struct((1, I32, dictionary[1]), (2, I32, _PLAIN))
        parts += [_page_header(_DICTIONARY_PAGE, len(dictionary[0]), 7, inner), dictionary[0]]
        offsets = [(11, I64, place)]
        place += sum(map(len, parts[1:]))
    inner = write_struct((1, I32, count), (2, I32, encoding), (3, I32, _RLE), (4, I32, _RLE))
    parts += [_page_header(_DATA_PAGE, len(content), 5, inner), content]
    size = sum(map(len, parts)) - len(_MAGIC)
    column = write_struct(
        (1, I32, _TYPES[kind]),
        (2, LIST, (I32, [encoding])),
        (3, LIST, (BINARY, [b"v"])),
        (4, I32, _UNCOMPRESSED),
        (5, I64, count),
        (6, I64, size),
        (7, I64, size),
        (9, I64, place),
        *offsets,
    )
    chunk = write_struct((2, I64, 0), (3, STRUCT, column))
    group = write_struct((1, LIST, (STRUCT, [chunk])), (2, I64, size), (3, I64, count))
    root = write_struct((4, BINARY, b"root"), (5, I32, 1))
    leaf = write_struct((1, I32, _TYPES[kind]), (3, I32, _REQUIRED), (4, BINARY, b"v"))
    footer = write_struct(
        (1, I32, _VERSION),
        (2, LIST, (STRUCT, [root, leaf])),
        (3, I64, count),
        (4, LIST, (STRUCT, [group])),
    )
    parts += [footer, len(footer).to_bytes(4, "little"), _MAGIC]
    file = pq.ParquetFile(pa.BufferReader(pa.py_buffer(b"".join(parts))), pre_buffer=False)
    numbers: npt.NDArray[Any] = file.read(use_threads=False)["v"].to_numpy()
    if len(numbers) != count:
        raise OSError(f"a page holds {len(numbers)} numbers, expected {count}")
    return numbers


def _page_header(kind: int, size: int, number: int, inner: bytes) -> bytes:
    return write_struct((1, I32, kind), (2, I32, size), (3, I32, size), (number, STRUCT, inner))
