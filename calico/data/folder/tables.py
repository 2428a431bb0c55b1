"""Parquet tables, read strictly: known columns of known types, within limits."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from calico.errors import CalicoError
from calico.extras import require_extra
from calico.files import read_bytes

Kind = Literal["text", "number", "integer", "pose", "list7"]
MAX_BYTES = 2 << 30
MAX_ROWS = 100_000_000
MAX_VALUE_BYTES = 16 << 30
"""Of all values of a table as the file's own footer counts them."""
MAX_TEXT = 1000
POSE_SIZES = (7, 16)
_ANY_LENGTH = {"pose": POSE_SIZES, "list7": (7,)}


@dataclass(frozen=True)
class Column:
    """A column that a table may have.

    Attributes:
        name: Its name.
        kind: "text", "number" (float64), "integer" (int64), "pose" (7 or 16 numbers), "list7".
        required: Whether the table has to have it, without nulls.
        missing: Value of nulls, and of the whole column where the table has none. NaN for numbers
            and "" for texts if it is None.
    """

    name: str
    kind: Kind
    required: bool = False
    missing: float | None = None


def read_table(
    path: Path, columns: Sequence[Column], prefix: str | None = None
) -> dict[str, npt.NDArray[Any]]:
    """Read a Parquet table.

    Args:
        path: The file.
        columns: The columns that it may have.
        prefix: Other columns whose names begin so are read as texts.

    Returns:
        A value for every column of `columns`, and for those with the prefix. Texts are object
        arrays of `str`. Poses and lists are object arrays of float64 arrays, None where there is
        none.

    Raises:
        CalicoError: The file is damaged or too large, lacks a column, has an unknown one, or a
            value has the wrong type.
    """
    require_extra("a data folder with Parquet tables", "folder")
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = read_bytes(path, MAX_BYTES, "table")
    try:
        file = pq.ParquetFile(pa.BufferReader(content))
        _check_size(file.metadata, path)
        names = list(file.schema_arrow.names)
        wanted = _check_names(names, columns, prefix, path)
        texts = [name for name in wanted if _kind(name, columns) == "text"]
        # Dictionaries keep a table small in which one long text stands in millions of rows.
        file = pq.ParquetFile(pa.BufferReader(content), read_dictionary=texts)
        table = file.read(columns=wanted, use_threads=False)
    except CalicoError:
        raise
    except (pa.ArrowException, OSError, ValueError, KeyError, MemoryError) as error:
        raise CalicoError(
            f"table {path}: no readable Parquet file ({_first_line(error)}); write it again"
        ) from None
    result: dict[str, npt.NDArray[Any]] = {}
    for column in columns:
        if column.name in wanted:
            result[column.name] = _convert(table.column(column.name), column, path)
        else:
            result[column.name] = _absent(column, table.num_rows)
    for name in wanted:
        if name not in result:
            result[name] = _convert(table.column(name), Column(name, "text"), path)
    return result


def _check_size(metadata: Any, path: Path) -> None:
    size = sum(
        metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups)
    )
    if metadata.num_rows > MAX_ROWS or size > MAX_VALUE_BYTES:
        raise CalicoError(
            f"table {path}: {metadata.num_rows} rows and {size} bytes of values, expected at most "
            f"{MAX_ROWS} and {MAX_VALUE_BYTES}"
        )


def _check_names(
    names: list[str], columns: Sequence[Column], prefix: str | None, path: Path
) -> list[str]:
    """Return the columns that are read; those that begin with an underscore are left out."""
    if len(set(names)) < len(names):
        raise CalicoError(f"table {path}: has two columns of one name")
    known = [column.name for column in columns]
    wanted = []
    for name in names:
        if name in known or (prefix is not None and name.startswith(prefix)):
            wanted.append(name)
        elif not name.startswith("_"):
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise CalicoError(
                f"table {path}: unknown column {ascii(name)[:80]}{hint}; known are "
                f"{', '.join(known)}. Columns whose name begins with _ are left alone"
            )
    for column in columns:
        if column.required and column.name not in wanted:
            raise CalicoError(
                f"table {path}: column {column.name} is missing; it has {', '.join(names)[:300]}"
            )
    return wanted


def _kind(name: str, columns: Sequence[Column]) -> Kind:
    return next((column.kind for column in columns if column.name == name), "text")


def _absent(column: Column, rows: int) -> npt.NDArray[Any]:
    if column.kind == "text":
        return np.full(rows, "", object)
    if column.kind == "integer":
        return np.full(rows, int(column.missing or 0), np.int64)
    if column.kind == "number":
        return np.full(rows, np.nan if column.missing is None else column.missing, np.float64)
    return np.full(rows, None, object)


def _convert(chunks: Any, column: Column, path: Path) -> npt.NDArray[Any]:
    """One column as numpy."""
    import pyarrow as pa

    where = f"table {path}: column {column.name}"
    if column.required and chunks.null_count:
        raise CalicoError(f"{where} has {chunks.null_count} nulls, expected a value in every row")
    try:
        array = chunks.combine_chunks()
        if isinstance(array, pa.ChunkedArray):
            array = array.chunk(0) if array.num_chunks else pa.array([], chunks.type)
        if column.kind == "text":
            return _convert_text(array, where)
        if column.kind in _ANY_LENGTH:
            return _convert_lists(array, _ANY_LENGTH[column.kind], where)
        kind = pa.float64() if column.kind == "number" else pa.int64()
        if pa.types.is_boolean(array.type) or pa.types.is_temporal(array.type):
            raise CalicoError(f"{where} is of type {array.type}, expected numbers")
        numbers = array.cast(kind)
        default = column.missing
        if numbers.null_count:
            empty = float("nan") if column.kind == "number" and default is None else default or 0
            numbers = numbers.fill_null(pa.scalar(empty, kind))
        return np.array(numbers.to_numpy(zero_copy_only=False))
    except (pa.ArrowException, TypeError, ValueError) as error:
        raise CalicoError(
            f"{where} is of type {chunks.type}, expected {_words(column.kind)} "
            f"({_first_line(error)})"
        ) from None


def _convert_text(array: Any, where: str) -> npt.NDArray[Any]:
    import pyarrow as pa

    if not pa.types.is_dictionary(array.type):
        if pa.types.is_null(array.type):
            return np.full(len(array), "", object)
        array = array.dictionary_encode()
    kind = array.type.value_type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise CalicoError(f"{where} is of type {kind}, expected texts")
    texts = [text if text is not None else "" for text in array.dictionary.to_pylist()]
    for text in texts:
        if len(text) > MAX_TEXT or not (text.isprintable() or not text):
            raise CalicoError(
                f"{where} holds {ascii(text)[:80]}, expected at most {MAX_TEXT} printable "
                "characters"
            )
    codes = array.indices.fill_null(len(texts)).to_numpy(zero_copy_only=False)
    result: npt.NDArray[Any] = np.array([*texts, ""], object)[codes]
    return result


def _convert_lists(array: Any, sizes: tuple[int, ...], where: str) -> npt.NDArray[Any]:
    import pyarrow as pa

    result = np.full(len(array), None, object)
    if pa.types.is_null(array.type):
        return result
    if pa.types.is_fixed_size_list(array.type):
        array = array.cast(pa.list_(array.type.value_type))
    kind = array.type
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        raise CalicoError(f"{where} is of type {kind}, expected a list of numbers in every row")
    present = np.flatnonzero(~array.is_null().to_numpy(zero_copy_only=False))
    lengths = np.array(array.value_lengths().fill_null(0).to_numpy(zero_copy_only=False))
    wrong = [row for row in present if int(lengths[row]) not in sizes]
    if wrong:
        raise CalicoError(
            f"{where}, row {wrong[0]}: a list of {lengths[wrong[0]]}, expected "
            f"{' or '.join(map(str, sizes))} numbers"
        )
    values = array.drop_null().flatten().cast(pa.float64())
    if values.null_count:
        raise CalicoError(f"{where} has lists with nulls, expected numbers")
    numbers = np.array(values.to_numpy(zero_copy_only=False))
    ends = np.cumsum(lengths[present])
    for row, end in zip(present, ends, strict=True):
        result[row] = numbers[end - lengths[row] : end]
    return result


def _words(kind: Kind) -> str:
    return {"text": "texts", "number": "numbers", "integer": "whole numbers"}.get(
        kind, "lists of numbers"
    )


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
