"""Values to the wire format of protocol buffers; see `wire` for the form of a message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from calico.data.waymo.v1.wire import FLOATS, LENGTH, MASK, VARINT, WIRE_TYPES, Field, Message
from calico.errors import CalicoError


def encode_message(values: Mapping[str, Any], message: Message) -> bytes:
    """Encode a message.

    Args:
        values: Values by the name of their field, in the form of `decode_message`. None and empty
            lists are left out.
        message: Its fields.

    Raises:
        CalicoError: A number does not fit into its field, or a key is no field.
    """
    known = {one.name: (number, one) for number, one in message.fields.items()}
    if unknown := values.keys() - known.keys():
        raise CalicoError(f"{message.name}: has no field {sorted(unknown)[0]}")
    parts: list[bytes] = []
    for name, (number, one) in known.items():
        value = values.get(name)
        if value is None:
            continue
        if one.repeated and one.packed:
            if len(value):
                body = _encode_packed(one, value)
                parts += [_encode_varint(number << 3 | LENGTH), _encode_varint(len(body)), body]
            continue
        tag = _encode_varint(number << 3 | WIRE_TYPES.get(one.kind, VARINT))
        for item in value if one.repeated else (value,):
            parts.append(tag)
            parts += _encode_value(one, item, message)
    return b"".join(parts)


def _encode_value(one: Field, value: Any, message: Message) -> list[bytes]:
    if one.kind in FLOATS:
        try:
            return [FLOATS[one.kind][0].pack(value)]
        except OverflowError:
            raise CalicoError(f"{message.name}.{one.name}: got {value}, too large") from None
    if one.message is not None:
        body = encode_message(value, one.message)
        return [_encode_varint(len(body)), body]
    if one.kind == "string":
        body = value.encode("utf-8")
        return [_encode_varint(len(body)), body]
    if one.kind == "bytes":
        return [_encode_varint(len(value)), bytes(value)]
    number = int(value)
    bits = 63 if one.kind == "int64" else 31
    if not -(1 << bits) <= number < 1 << bits:
        raise CalicoError(f"{message.name}.{one.name}: got {number}, expected {bits + 1} bits")
    return [_encode_varint(number & MASK)]


def _encode_packed(one: Field, values: Any) -> bytes:
    if one.kind in FLOATS:
        return np.ascontiguousarray(values, FLOATS[one.kind][1]).tobytes()
    return b"".join(_encode_varint(int(value) & MASK) for value in values)


def _encode_varint(value: int) -> bytes:
    result = bytearray()
    while value >= 0x80:
        result.append(value & 0x7F | 0x80)
        value >>= 7
    result.append(value)
    return bytes(result)
