from __future__ import annotations

import numpy as np
import pytest

from calico.data.waymo.v1 import wire
from calico.data.waymo.v1.encoding import encode_message
from calico.data.waymo.v1.wire import Field, Message, decode_message, iterate_messages
from calico.errors import CalicoError

POINT = Message("Point", {1: Field("x", "double"), 2: Field("y", "double")})
# fmt: off
ALL = Message("All", {
    1: Field("a", "int32"),
    2: Field("text", "string"),
    3: Field("point", "message", message=POINT),
    4: Field("plain", "int64", repeated=True),
    5: Field("tight", "int64", repeated=True, packed=True),
    6: Field("floats", "float", repeated=True, packed=True),
    7: Field("doubles", "double", repeated=True),
    8: Field("raw", "bytes"),
    9: Field("yes", "bool"),
    10: Field("points", "message", repeated=True, message=POINT),
    11: Field("texts", "string", repeated=True),
    12: Field("single", "float"),
    13: Field("long", "int64"),
})
# fmt: on


def test_the_documented_examples_of_the_encoding() -> None:
    # https://protobuf.dev/programming-guides/encoding/: 150 in field 1, "testing" in field 2, and
    # -2 as a number of ten bytes.
    assert encode_message({"a": 150}, ALL) == bytes.fromhex("089601")
    assert encode_message({"text": "testing"}, ALL) == bytes.fromhex("120774657374696e67")
    minus_two = bytes.fromhex("08feffffffffffffffff01")
    assert encode_message({"a": -2}, ALL) == minus_two
    assert decode_message(minus_two, ALL, "x") == {"a": -2}
    assert decode_message(bytes.fromhex("089601120774657374696e67"), ALL, "x") == {
        "a": 150,
        "text": "testing",
    }


def test_repeated_numbers_are_read_packed_and_unpacked_and_mixed() -> None:
    # Field 4: 1, 2 one by one, then 3, 270 packed. Field 7: 1.0 alone, then -2.0 packed.
    content = bytes.fromhex("20012002" + "220303" + "8e02")
    content += b"\x39" + np.float64(1).tobytes() + b"\x3a\x08" + np.float64(-2).tobytes()
    found = decode_message(content, ALL, "x")
    assert found["plain"].tolist() == [1, 2, 3, 270]
    assert found["doubles"].tolist() == [1.0, -2.0]


def test_every_kind_comes_back() -> None:
    values = {
        "a": -(2**31),
        "text": "Straße",
        "point": {"x": 1.5, "y": -2.0},
        "plain": np.array([0, -1, 2**62]),
        "tight": np.array([5, -(2**63)]),
        "floats": np.array([1.5, -0.25], np.float32),
        "doubles": np.array([np.pi, np.inf]),
        "raw": b"\x00\xff",
        "yes": True,
        "points": [{"x": 1.0, "y": 2.0}, {}, {"y": 4.0}],
        "texts": ["", "b"],
        "single": 0.5,
        "long": -(2**63),
    }
    found = decode_message(encode_message(values, ALL), ALL, "x")
    assert found.keys() == values.keys()
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            assert found[name].tolist() == value.tolist(), name
            assert found[name].dtype == value.dtype, name
        else:
            assert found[name] == value, name


def test_unknown_fields_of_every_wire_type_are_skipped() -> None:
    unknown = bytes.fromhex("a00696" + "01") + bytes.fromhex("a106") + bytes(8)
    unknown += bytes.fromhex("a206026162") + bytes.fromhex("a506") + bytes(4)
    assert decode_message(unknown + b"\x08\x07" + unknown, ALL, "x") == {"a": 7}


def test_the_last_number_counts_and_messages_in_two_parts_are_joined() -> None:
    parts = [{"a": 1, "point": {"x": 1.0, "y": 1.0}}, {"a": 2, "point": {"y": 3.0}}]
    content = b"".join(encode_message(part, ALL) for part in parts)
    assert decode_message(content, ALL, "x") == {"a": 2, "point": {"x": 1.0, "y": 3.0}}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("08", "ends within a number"),
        ("08" + "80" * 11, "more than 10 bytes"),
        ("1205616263", "states 5 bytes at byte 2, where 3 are left"),
        ("12ffffffffffffffff7f", "states 9223372036854775807 bytes"),
        ("0a0161", r"All\.a: has wire type 2, expected 0"),
        ("1a020800", r"All\.point\.x: has wire type 0, expected 1"),
        ("3a03000000", r"All\.doubles\[0\]: 3 bytes, expected a multiple of 8"),
        ("1201ff", r"All\.text: no text in UTF-8"),
        ("0001", "field number 0"),
        ("a306a406", "wire type 3"),
        ("52005204616263", r"All\.points\[1\]: states 4 bytes"),
        ("0900000000", r"All\.a: has wire type 1"),
        ("650000", r"All\.single: ends within a number"),
    ],
)
def test_damaged_bytes_are_refused_with_the_place(content: str, reason: str) -> None:
    with pytest.raises(CalicoError, match=rf"file f, record 3: .*{reason}"):
        decode_message(bytes.fromhex(content), ALL, "file f, record 3")


def test_the_number_of_values_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_ITEMS", 10)
    assert len(decode_message(bytes.fromhex("5200" * 10), ALL, "x")["points"]) == 10
    for content in ("5200" * 11, "2a0b" + "01" * 11, "2001" * 11):
        with pytest.raises(CalicoError, match="more than 10 values"):
            decode_message(bytes.fromhex(content), ALL, "x")


def test_parts_are_decoded_one_by_one() -> None:
    whole = Message("Whole", {3: Field("all", "message", repeated=True, message=ALL)})
    content = encode_message({"all": [{"a": 1}, {"a": 2}]}, whole)
    assert list(iterate_messages(content, whole, "x")) == [("all", {"a": 1}), ("all", {"a": 2})]
    with pytest.raises(CalicoError, match=r"x: Whole, part 2: ends within a number"):
        list(iterate_messages(content + b"\x80", whole, "x"))
    with pytest.raises(CalicoError, match=r"x: Whole, part 0\.all: has wire type 0"):
        list(iterate_messages(b"\x18\x01", whole, "x"))
