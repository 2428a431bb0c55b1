"""Structures in Thrift's compact protocol, in which Parquet writes its headers and its footer.

Source: `thrift-compact-protocol.md` of apache/thrift.
"""

from __future__ import annotations

from typing import Any

_TRUE, _FALSE, _BYTE, _I16, I32, I64, _DOUBLE, BINARY, LIST, _SET, _MAP, STRUCT = range(1, 13)
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


def write_struct(*fields: tuple[int, int, Any]) -> bytes:
    """Write one structure.

    Args:
        fields: (number, type, value), the numbers ascending with steps of at most 15. The value is
            an int, bytes, a structure that is written already, or for a list the type of its
            elements and the elements.
    """
    parts, last = [], 0
    for number, kind, value in fields:
        parts += [bytes([(number - last) << 4 | kind]), _encode(kind, value)]
        last = number
    return b"".join(parts) + b"\0"


def _encode(kind: int, value: Any) -> bytes:
    if kind in (I32, I64):
        return _encode_varint(value << 1 if value >= 0 else ((-value) << 1) - 1)
    if kind == BINARY:
        return _encode_varint(len(value)) + bytes(value)
    if kind == LIST:
        inner, elements = value
        head = bytes([len(elements) << 4 | inner])  # fewer than 15 elements
        return head + b"".join(_encode(inner, element) for element in elements)
    return bytes(value)


def _encode_varint(value: int) -> bytes:
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def _read_value(
    content: bytes, place: int, kind: int, depth: int, in_list: bool
) -> tuple[Any, int]:
    if kind in (_TRUE, _FALSE):
        return (_byte(content, place) == _TRUE, place + 1) if in_list else (kind == _TRUE, place)
    if kind == _BYTE:
        return _byte(content, place), place + 1
    if kind in (_I16, I32, I64):
        return _zigzag(content, place)
    if kind == _DOUBLE:
        return None, _skip(content, place, 8)
    if kind == BINARY:
        size, place = _varint(content, place)
        end = _skip(content, place, size)
        return content[place:end], end
    if kind in (LIST, _SET) and depth < _MAX_DEPTH:
        head = _byte(content, place)
        size, place = _varint(content, place + 1) if head >> 4 == 15 else (head >> 4, place + 1)
        for _ in range(size):
            _, place = _read_value(content, place, head & 0x0F, depth + 1, in_list=True)
        return None, place
    if kind == STRUCT:
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
