"""Thrift's compact protocol: values by hand, and what is written is read back."""

from __future__ import annotations

import pytest

from calico.data.waymo.v2.thrift import (
    BINARY,
    I32,
    I64,
    LIST,
    STRUCT,
    TruncatedError,
    read_struct,
    write_struct,
)


def test_values_by_hand() -> None:
    # Field 1: i32 150 (zigzag 300). Field 3: true. Field 20: i64 -1, its number written out.
    content = bytes([0x15, 0xAC, 0x02, 0x21, 0x06, 0x28, 0x01, 0x00])
    assert read_struct(content) == ({1: 150, 3: True, 20: -1}, len(content))


def test_what_is_written_is_read() -> None:
    inner = write_struct((1, I32, -7), (4, I64, 1 << 40))
    content = write_struct((1, STRUCT, inner), (2, BINARY, b"abc"), (3, LIST, (I32, [1, 2, 3])))
    fields, end = read_struct(b"--" + content + b"rest", 2)
    assert fields == {1: {1: -7, 4: 1 << 40}, 2: b"abc", 3: None}
    assert end == 2 + len(content)


def test_doubles_bytes_and_long_lists_are_skipped() -> None:
    long_list = bytes([0x19, 0xF5, 16]) + bytes([2]) * 16
    content = bytes([0x17]) + bytes(8) + bytes([0x13, 9]) + long_list + bytes([0x15, 4, 0])
    assert read_struct(content)[0] == {1: None, 2: 9, 3: None, 4: 2}


def test_every_cut_is_noticed() -> None:
    inner = write_struct((1, I32, 300), (2, BINARY, b"abcdef"))
    content = write_struct((1, STRUCT, inner), (2, LIST, (BINARY, [b"x", b"yz"])))
    for end in range(len(content)):
        with pytest.raises(TruncatedError):
            read_struct(content[:end])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (bytes([0x1C]) * 100, "nested deeper"),
        (bytes([0x19, 0x19]) * 100, "unknown type"),
        (bytes([0x1B, 0]), "unknown type 11"),
        (bytes([0x1F, 0]), "unknown type 15"),
        (bytes([0x15]) + b"\xff" * 20, "more than 64 bits"),
    ],
)
def test_what_is_no_structure_is_refused(content: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_struct(content)
