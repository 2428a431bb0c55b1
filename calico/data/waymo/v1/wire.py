"""The wire format of protocol buffers: bytes to values and back, by tables of fields.

A message is a dictionary from the names of its fields to their values; a field that the bytes do
not hold is not in it. Numbers are int, float or bool, repeated ones are arrays of float64, float32
or int64. Repeated messages and texts are lists, and bytes are views of the input.

Nothing is believed: every length is checked against the bytes that are there, tables have no
cycles, so that the depth is bounded, and one call decodes at most `MAX_ITEMS` values.

Deviations from the reference implementation: a known field of another wire type is an error (there
it counts as unknown), and so is a group, which Waymo's messages do not have.

Source: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from calico.errors import CalicoError

Kind = Literal["double", "float", "int64", "int32", "enum", "bool", "string", "bytes", "message"]
MAX_ITEMS = 4_000_000
"""Most values that one call decodes. Packed floating point numbers count as one."""
MASK = (1 << 64) - 1
VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
WIRE_TYPES: dict[str, int] = {
    "double": FIXED64,
    "float": FIXED32,
    "string": LENGTH,
    "bytes": LENGTH,
    "message": LENGTH,
}
FLOATS = {"double": (struct.Struct("<d"), "<f8"), "float": (struct.Struct("<f"), "<f4")}


@dataclass(frozen=True)
class Field:
    """One field of a message.

    Attributes:
        name: Key of the decoded dictionary.
        kind: How its values are stored.
        repeated: Whether it is a list.
        message: What a field of kind "message" holds.
        packed: Whether a repeated number is written in one piece. Both forms are read.
    """

    name: str
    kind: Kind
    repeated: bool = False
    message: Message | None = None
    packed: bool = False


@dataclass(frozen=True)
class Message:
    """A message: its name, and its fields by their number.

    Attributes:
        name: Name in error messages.
        fields: Fields by number, ascending. Others are skipped when they are read.
    """

    name: str
    fields: Mapping[int, Field]
    layout: tuple[struct.Struct, tuple[int, ...], tuple[str, ...]] | None = field(init=False)
    """Of a message of doubles only, whole and in order: its bytes, tags and names."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "layout", _layout_of(self.fields))


class WireError(Exception):
    """What is wrong, without the place."""


def decode_message(data: bytes, message: Message, where: str) -> dict[str, Any]:
    """Decode a whole message.

    Args:
        data: Its bytes.
        message: Its fields.
        where: Names the file and the record in errors.

    Raises:
        CalicoError: The bytes are no such message. The text says which field, and why.
    """
    try:
        return Decoder(data).decode(0, len(data), message, {})
    except WireError as error:
        raise CalicoError(f"{where}: {message.name}{error}") from None


def iterate_messages(
    data: bytes, message: Message, where: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Decode the parts of a message, all of whose fields are messages, one by one.

    Args:
        data: Its bytes.
        message: Its fields.
        where: Names the file in errors.

    Yields:
        The name of the field and its value.

    Raises:
        CalicoError: See `decode_message`.
    """
    position, count = 0, 0
    while position < len(data):
        decoder = Decoder(data)
        try:
            number, wire_type, position = decoder.tag(position, len(data))
            one = message.fields.get(number)
            if one is None:
                position = decoder.skip(wire_type, position, len(data))
                continue
            if wire_type != LENGTH or one.message is None:
                raise WireError(f".{one.name}: has wire type {wire_type}, expected a message")
            start, position = decoder.span(position, len(data))
            value = decoder.decode(start, position, one.message, {})
        except WireError as error:
            raise CalicoError(f"{where}: {message.name}, part {count}{error}") from None
        count += 1
        yield one.name, value


class Decoder:
    """Decodes one input and counts its values."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.view = memoryview(data)
        self.left = MAX_ITEMS

    def varint(self, position: int, end: int) -> tuple[int, int]:
        """Read a number of 7 bits a byte, and give it and the position behind it."""
        result = shift = 0
        while position < end:
            byte = self.data[position]
            position += 1
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                return result & MASK, position
            shift += 7
            if shift > 63:
                raise WireError(f": a number of more than 10 bytes at byte {position}")
        raise WireError(f": ends within a number, at byte {end}")

    def tag(self, position: int, end: int) -> tuple[int, int, int]:
        """Read what begins a field: its number and wire type."""
        tag, position = self.varint(position, end)
        if not 1 <= tag >> 3 < 1 << 29:
            raise WireError(f": field number {tag >> 3} at byte {position}, expected 1 or more")
        return tag >> 3, tag & 7, position

    def span(self, position: int, end: int) -> tuple[int, int]:
        """Read a length, and give the first byte and the one behind the last."""
        length, position = self.varint(position, end)
        if length > end - position:
            raise WireError(
                f": states {length} bytes at byte {position}, where {end - position} are left"
            )
        return position, position + length

    def skip(self, wire_type: int, position: int, end: int) -> int:
        """Pass over the value of an unknown field."""
        if wire_type == VARINT:
            return self.varint(position, end)[1]
        if wire_type == LENGTH:
            return self.span(position, end)[1]
        if wire_type not in (FIXED64, FIXED32):
            raise WireError(f": wire type {wire_type} at byte {position}, expected 0, 1, 2 or 5")
        return self.fixed(wire_type, position, end)

    def fixed(self, wire_type: int, position: int, end: int) -> int:
        """Pass over 8 or 4 bytes."""
        behind = position + (8 if wire_type == FIXED64 else 4)
        if behind > end:
            raise WireError(f": ends within a number, at byte {end}")
        return behind

    def count(self, number: int = 1) -> None:
        """Count values."""
        self.left -= number
        if self.left < 0:
            raise WireError(f": holds more than {MAX_ITEMS} values")

    def decode(
        self, position: int, end: int, message: Message, result: dict[str, Any]
    ) -> dict[str, Any]:
        """Decode a message into a dictionary that may hold earlier parts of it."""
        if message.layout is not None and end - position == message.layout[0].size:
            parts = message.layout[0].unpack_from(self.data, position)
            if parts[::2] == message.layout[1]:
                self.count()
                result.update(zip(message.layout[2], parts[1::2], strict=True))
                return result
        numbers: dict[str, list[Any]] = {}
        while position < end:
            number, wire_type, position = self.tag(position, end)
            one = message.fields.get(number)
            if one is None:
                position = self.skip(wire_type, position, end)
                continue
            self.count()
            try:
                position = self._field(one, wire_type, position, end, result, numbers)
            except WireError as error:
                many = f"[{len(result.get(one.name, ()))}]" if one.repeated else ""
                raise WireError(f".{one.name}{many}{error}") from None
        for one in message.fields.values():
            if one.name in numbers:
                result[one.name] = _to_array(one, numbers[one.name], result.get(one.name))
        return result

    def _field(
        self,
        one: Field,
        wire_type: int,
        position: int,
        end: int,
        result: dict[str, Any],
        numbers: dict[str, list[Any]],
    ) -> int:
        """Decode one value of a field, and give the position behind it."""
        expected = WIRE_TYPES.get(one.kind, VARINT)
        if one.repeated and expected != LENGTH:
            values = numbers.setdefault(one.name, [])
            if wire_type == LENGTH:
                return self._packed(one, position, end, values)
            if wire_type == expected:
                number, behind = self._number(one, wire_type, position, end)
                values.append(self.view[position:behind] if one.kind in FLOATS else number)
                return behind
        if wire_type != expected:
            raise WireError(f": has wire type {wire_type}, expected {expected} ({one.kind})")
        if expected != LENGTH:
            result[one.name], position = self._number(one, wire_type, position, end)
            return position
        start, position = self.span(position, end)
        value: Any = self.view[start:position]
        if one.message is not None:
            earlier = {} if one.repeated else result.get(one.name, {})
            value = self.decode(start, position, one.message, earlier)
        elif one.kind == "string":
            value = self._text(start, position)
        if one.repeated:
            result.setdefault(one.name, []).append(value)
        else:
            result[one.name] = value
        return position

    def _number(self, one: Field, wire_type: int, position: int, end: int) -> tuple[Any, int]:
        if wire_type == VARINT:
            value, position = self.varint(position, end)
            return to_signed(one.kind, value), position
        behind = self.fixed(wire_type, position, end)
        return FLOATS[one.kind][0].unpack_from(self.data, position)[0], behind

    def _packed(self, one: Field, position: int, end: int, values: list[Any]) -> int:
        start, position = self.span(position, end)
        if one.kind in FLOATS:
            size = FLOATS[one.kind][0].size
            if (position - start) % size:
                raise WireError(f": {position - start} bytes, expected a multiple of {size}")
            values.append(self.view[start:position])
            return position
        while start < position:
            self.count()
            number, start = self.varint(start, position)
            values.append(to_signed(one.kind, number))
        return position

    def _text(self, start: int, end: int) -> str:
        try:
            return self.data[start:end].decode("utf-8")
        except UnicodeDecodeError as error:
            raise WireError(f": no text in UTF-8 (byte {start + error.start})") from None


def to_signed(kind: str, value: int) -> int | bool:
    """Interpret the 64 bits of a varint."""
    if kind == "bool":
        return value != 0
    if kind == "int64":
        return value - (1 << 64) if value >> 63 else value
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value


def _to_array(one: Field, values: list[Any], earlier: Any) -> Any:
    """Join the values of a repeated number."""
    if one.kind in FLOATS:
        content = values[0] if len(values) == 1 else b"".join(values)
        array: Any = np.frombuffer(content, FLOATS[one.kind][1])
    else:
        array = np.array(values, np.int64)
    return array if earlier is None else np.concatenate([earlier, array])


def _layout_of(
    fields: Mapping[int, Field],
) -> tuple[struct.Struct, tuple[int, ...], tuple[str, ...]] | None:
    if any(one.kind != "double" or one.repeated for one in fields.values()) or max(fields) > 15:
        return None
    tags = tuple(number << 3 | FIXED64 for number in fields)
    return struct.Struct("<" + "Bd" * len(fields)), tags, tuple(f.name for f in fields.values())
