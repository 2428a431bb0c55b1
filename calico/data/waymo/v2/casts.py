"""Columns of a small table as numpy arrays, cast from the types that real files have.

Files of the data set do not always have the types of its schema: float32 for double, names for the
numbers of an enum. Columns are read by name and cast. What cannot be cast without a guess is
refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from calico.data.waymo.v2.schema import SEGMENT, TEXT, Column, Component
from calico.errors import CalicoError
from calico.frame import Float64, Int64

MAX_PIXELS = 1 << 20
"""Largest range image: height times width."""
MAX_CHANNELS = 8
_SHAPE_SIZE, _MATRIX_SIZE = 3, 16


class SmallTable:
    """Columns of a component that were read whole.

    Attributes:
        table: With the file's own types. It may lack optional columns.
        component: What it is.
        where: Name of the file for messages.
    """

    def __init__(self, table: pa.Table, component: Component, where: str) -> None:
        self.table, self.component, self.where = table, component, where

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def read_floats(self, path: str) -> Float64:
        """Read a column of numbers.

        Args:
            path: Of the column, see `Component.column`.

        Returns:
            (n,) float64; NaN where an optional column has null.

        Raises:
            CalicoError: The column holds something else, or null without being optional.
        """
        column = self.component.column(path)
        array = self._get(column)
        if array is None:
            return np.full(len(self.table), np.nan)
        self._check_number(array.type, column)
        numbers: Float64 = _to_numpy(self._cast(array, pa.float64(), column), np.nan, np.float64)
        return numbers

    def read_integers(self, path: str, missing: int = 0) -> Int64:
        """Read a column of integers, or of the names of an enum.

        Args:
            path: Of the column, see `Component.column`.
            missing: Value for null.

        Returns:
            (n,) int64.

        Raises:
            CalicoError: See `read_floats`; or a number or name is not of the enum.
        """
        column = self.component.column(path)
        array = self._get(column)
        if array is None:
            return np.full(len(self.table), missing, np.int64)
        if column.enum is not None and _is_text(array.type):
            array = self._number_names(array, column)
        self._check_number(array.type, column)
        exact = self._cast(array, column.type, column)  # a number must fit into the schema's type
        numbers: Int64 = _to_numpy(self._cast(exact, pa.int64(), column), missing, np.int64)
        if column.enum is not None:
            allowed = [0, missing, *column.enum]
            wrong = numbers[~np.isin(numbers, allowed)]
            if len(wrong):
                raise CalicoError(
                    f"{self.where}: column {column.name} holds {wrong[0]}, expected one of "
                    f"{', '.join(f'{n} {name}' for n, name in column.enum.items())}"
                )
        return numbers

    def read_texts(self, path: str) -> pa.DictionaryArray:
        """Read a column of texts.

        Args:
            path: Of the column, see `Component.column`.

        Returns:
            Distinct texts and an index of each row; null stays null.

        Raises:
            CalicoError: See `read_floats`.
        """
        column = self.component.column(path)
        array = self._get(column)
        if array is None:
            array = pa.nulls(len(self.table), TEXT)
        if not _is_text(array.type):
            raise self._refuse(array.type, column)
        if not pa.types.is_dictionary(array.type):
            array = array.dictionary_encode()
        return array

    def read_matrices(self, path: str) -> Float64:
        """Read a column of 4 x 4 matrices.

        Args:
            path: Of the column, see `Component.column`.

        Returns:
            (n, 4, 4) float64.

        Raises:
            CalicoError: See `read_floats`; or a row has another length, or an infinite number.
        """
        column = self.component.column(path)
        values = self._read_fixed(column, _MATRIX_SIZE, pa.float64())
        if not np.isfinite(values).all():
            raise CalicoError(
                f"{self.where}: column {column.name} holds a number that is not finite"
            )
        matrices: Float64 = values.reshape(-1, 4, 4)
        return matrices

    def read_shapes(self, path: str) -> Int64:
        """Read the shapes of range images.

        Args:
            path: Of the column, see `Component.column`.

        Returns:
            (n, 3) int64 height, width, channels, or -1 if the row has no range image.

        Raises:
            CalicoError: See `read_floats`, or a shape is not one of a range image.
        """
        column = self.component.column(path)
        shapes: Int64 = self._read_fixed(column, _SHAPE_SIZE, pa.int64())
        there = shapes[~(shapes == -1).all(axis=1)]
        height, width, channels = there.T
        fits = (there > 0).all(axis=1) & (channels <= MAX_CHANNELS)
        fits &= (height <= MAX_PIXELS) & (width <= MAX_PIXELS)
        fits[fits] &= (height * width <= MAX_PIXELS)[fits]
        if not fits.all():
            raise CalicoError(
                f"{self.where}: column {column.name} holds {there[~fits][0].tolist()}, expected "
                f"height, width and channels of at most {MAX_PIXELS} pixels and {MAX_CHANNELS} "
                "channels"
            )
        return shapes

    def read_lists(self, path: str) -> list[Float64 | None]:
        """Read a column of lists of numbers.

        Args:
            path: Of the column, see `Component.column`.

        Returns:
            A list of each row; None where the column has null or an empty list.

        Raises:
            CalicoError: See `read_floats`.
        """
        column = self.component.column(path)
        array = self._get(column)
        if array is None:
            return [None] * len(self.table)
        if not _is_list(array.type):
            raise self._refuse(array.type, column)
        self._check_number(array.type.value_type, column)
        cast = self._cast(array, pa.list_(pa.float64()), column)
        if cast.flatten().null_count:
            raise CalicoError(f"{self.where}: column {column.name} holds a list with a null in it")
        rows = ([] if not row.is_valid else row.values.to_numpy() for row in cast)
        return [np.array(row, np.float64) if len(row) else None for row in rows]

    def check_segment(self, context: str) -> None:
        """Check that all rows belong to one segment.

        Args:
            context: The segment's name.

        Raises:
            CalicoError: A row is of another segment.
        """
        names = self.read_texts(SEGMENT).dictionary.to_pylist()
        others = [name for name in names if name != context]
        if others:
            raise CalicoError(
                f"{self.where}: holds rows of the segment {others[0][:80]!r}, expected {context}"
            )

    def _get(self, column: Column) -> Any:
        """Return a column as one array; None if it is optional and absent."""
        if column.name not in self.table.column_names:
            if column.optional:
                return None
            raise CalicoError(f"{self.where}: lacks the column {column.name}")
        array = self.table[column.name].combine_chunks()
        if array.null_count and not column.optional:
            row = int(np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))[0])
            raise CalicoError(f"{self.where}: column {column.name} holds null in row {row}")
        return array

    def _read_fixed(self, column: Column, size: int, kind: pa.DataType) -> Any:
        """(n, size) values of lists of one length; -1 in rows that are null."""
        array = self._get(column)
        if array is None:
            return np.full((len(self.table), size), -1)
        if not _is_list(array.type):
            raise self._refuse(array.type, column)
        self._check_number(array.type.value_type, column)
        there = ~array.is_null().to_numpy(zero_copy_only=False)
        lengths = pc.list_value_length(array).drop_null().to_numpy(zero_copy_only=False)
        if (lengths != size).any():
            raise CalicoError(
                f"{self.where}: column {column.name} holds a list of "
                f"{lengths[lengths != size][0]} numbers, expected {size}"
            )
        flat = self._cast(array.drop_null().flatten(), kind, column)
        if flat.null_count:
            raise CalicoError(f"{self.where}: column {column.name} holds a list with a null in it")
        values = np.full((len(self.table), size), -1, flat.to_numpy().dtype)
        values[there] = flat.to_numpy().reshape(-1, size)
        return values

    def _number_names(self, array: Any, column: Column) -> Any:
        """Replace the names of an enum by its numbers."""
        encoded = array if pa.types.is_dictionary(array.type) else array.dictionary_encode()
        assert column.enum is not None
        known = {"UNKNOWN": 0} | {
            name.upper().removeprefix("TYPE_"): number for number, name in column.enum.items()
        }
        names = [str(name) for name in encoded.dictionary.to_pylist()]
        plain = [name.upper().removeprefix("TYPE_") for name in names]
        for name, short in zip(names, plain, strict=True):
            if short not in known:
                raise CalicoError(
                    f"{self.where}: column {column.name} holds {name[:40]!r}, expected one of "
                    f"{', '.join(known)}"
                )
        return pa.array([known[name] for name in plain], pa.int64()).take(encoded.indices)

    def _cast(self, array: Any, kind: pa.DataType, column: Column) -> Any:
        try:
            return array.cast(kind)
        except pa.ArrowException as error:
            said = " ".join(str(error).split())[:120]
            raise CalicoError(
                f"{self.where}: column {column.name} holds {array.type}, which is no "
                f"{column.type} ({said})"
            ) from None

    def _check_number(self, kind: pa.DataType, column: Column) -> None:
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            raise self._refuse(kind, column)

    def _refuse(self, kind: pa.DataType, column: Column) -> CalicoError:
        return CalicoError(
            f"{self.where}: column {column.name} holds {kind}, which is no {column.type}"
        )


def _to_numpy(array: Any, missing: float, kind: Any) -> Any:
    if array.null_count:
        array = array.fill_null(missing)
    return array.to_numpy(zero_copy_only=False).astype(kind)


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    )
