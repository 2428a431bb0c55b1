"""Parts of a message in a file: what is large and not asked for is not read.

A frame's images and range images are most of its bytes. Labels and times are read without them. The
checksum of a record covers all of it, so it is not checked where only a part is read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import IO

from calico.data.waymo.v1.wire import LENGTH, VARINT, Decoder, WireError, to_signed
from calico.errors import CalicoError

_HEAD_BYTES = 32
"""Most bytes of a tag and a number."""


def find_number(stream: IO[bytes], start: int, end: int, number: int, where: str) -> int:
    """Find a 64-bit number of a message in a file, and read only what is in front of it.

    Args:
        stream: The file.
        start: Offset of the message in it.
        end: Offset of what follows the message.
        number: Number of the field.
        where: Names the file and the record in errors.

    Raises:
        CalicoError: The message is damaged in front of the number, or does not have it.
    """
    for found, wire_type, offset, behind in _walk_fields(stream, start, end, where):
        if found == number and wire_type == VARINT:
            stream.seek(offset)
            head = stream.read(behind - offset)
            decoder = Decoder(head)
            value = decoder.tag(0, len(head))[2]
            return int(to_signed("int64", decoder.varint(value, len(head))[0]))
    raise CalicoError(f"{where}: has no number in field {number}, expected the time of a frame")


def read_without(
    stream: IO[bytes], start: int, end: int, skipped: Collection[int], where: str
) -> bytes:
    """Read a message without some of its fields.

    Args:
        stream: The file.
        start: Offset of the message in it.
        end: Offset of what follows the message.
        skipped: Numbers of the fields to leave out.
        where: Names the file and the record in errors.

    Raises:
        CalicoError: The message is damaged.
    """
    parts = []
    for number, _, offset, behind in list(_walk_fields(stream, start, end, where)):
        if number not in skipped:
            stream.seek(offset)
            parts.append(stream.read(behind - offset))
    return b"".join(parts)


def _walk_fields(
    stream: IO[bytes], start: int, end: int, where: str
) -> Iterator[tuple[int, int, int, int]]:
    """Yield the number, the wire type, the offset and the end of every field."""
    offset = start
    try:
        while offset < end:
            stream.seek(offset)
            head = stream.read(min(_HEAD_BYTES, end - offset))
            decoder = Decoder(head)
            number, wire_type, position = decoder.tag(0, len(head))
            if wire_type == LENGTH:
                length, position = decoder.varint(position, len(head))
                behind = offset + position + length
                if behind > end:
                    raise WireError(f": states {length} bytes, which the record does not have")
            else:
                behind = offset + decoder.skip(wire_type, position, len(head))
            yield number, wire_type, offset, behind
            offset = behind
    except WireError as error:
        raise CalicoError(f"{where}, offset {offset}{error}") from None
