"""Structures in Thrift's compact protocol, which Parquet writes in front of every page.

Source: `thrift-compact-protocol.md` of apache/thrift.
"""

from __future__ import annotations

from typing import Any

_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)
_MAX_DEPTH = 8
_MAX_SHIFT = 63


class TruncatedError(ValueError):
    """The bytes end within a structure."""


def read_struct(content: bytes, place: int = 0, depth: int = 0) -> tuple[dict[int, Any], int]:
    """Read one structure.

    Args:
        content: Bytes that hold it.
        place: Where it begins.
        depth: Number of structures around it.

    Returns:
        Values by the number of the field (int, bool, bytes, or a dict for a structure; lists and
        maps are skipped and None), and the place behind the structure.

    Raises:
        TruncatedError: The bytes end within it.
        ValueError: It is nested too deeply, or no structure.
    """
    if depth > _MAX_DEPTH:
        raise ValueError(f"nested deeper than {_MAX_DEPTH} levels")
    fields: dict[int, Any] = {}
    number = 0
    while True:
        head = _byte(content, place)
        place += 1
        if head == 0:
            return fields, place
        kind, step = head & 0x0F, head >> 4
        if step:
            number += step
        else:
            number, place = _zigzag(content, place)
        fields[number], place = _read_value(content, place, kind, depth, in_list=False)


def _read_value(
    content: bytes, place: int, kind: int, depth: int, in_list: bool
) -> tuple[Any, int]:
    if kind in (_TRUE, _FALSE):
        return (_byte(content, place) == _TRUE, place + 1) if in_list else (kind == _TRUE, place)
    if kind == _BYTE:
        return _byte(content, place), place + 1
    if kind in (_I16, _I32, _I64):
        return _zigzag(content, place)
    if kind == _DOUBLE:
        return None, _skip(content, place, 8)
    if kind == _BINARY:
        size, place = _varint(content, place)
        end = _skip(content, place, size)
        return content[place:end], end
    if kind in (_LIST, _SET) and depth < _MAX_DEPTH:
        head = _byte(content, place)
        size, place = _varint(content, place + 1) if head >> 4 == 15 else (head >> 4, place + 1)
        for _ in range(size):
            _, place = _read_value(content, place, head & 0x0F, depth + 1, in_list=True)
        return None, place
    if kind == _STRUCT:
        return read_struct(content, place, depth + 1)
    raise ValueError(f"a value of the unknown type {kind}")  # Parquet's headers have no maps


def _byte(content: bytes, place: int) -> int:
    if place >= len(content):
        raise TruncatedError("the bytes end within a structure")
    return content[place]


def _skip(content: bytes, place: int, size: int) -> int:
    if place + size > len(content):
        raise TruncatedError("the bytes end within a structure")
    return place + size


def _varint(content: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while shift <= _MAX_SHIFT:
        byte = _byte(content, place)
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
    raise ValueError("a number of more than 64 bits")


def _zigzag(content: bytes, place: int) -> tuple[int, int]:
    value, place = _varint(content, place)
    return (value >> 1) ^ -(value & 1), place
