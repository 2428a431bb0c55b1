"""Runs, compared with the examples of Parquet's page and with a slow bit by bit reader."""

from __future__ import annotations

import numpy as np
import pytest

from calico.data.waymo.v2.levels import decode_runs, unpack_bits


def pack(values: np.ndarray, width: int) -> bytes:
    """Whole groups of eight values, bit by bit."""
    bits = (values[:, None] >> np.arange(width, dtype=np.uint64)) & np.uint64(1)
    return np.packbits(bits.astype(np.uint8).ravel(), bitorder="little").tobytes()


def test_the_example_of_the_format() -> None:
    # Encodings.md: 0 to 7 in three bits are 10001000 11000110 11111010.
    assert unpack_bits(bytes([0b10001000, 0b11000110, 0b11111010]), 3).tolist() == list(range(8))


@pytest.mark.parametrize("width", range(1, 33))
def test_every_width(width: int) -> None:
    rng = np.random.default_rng(width)
    values = rng.integers(0, 2**width, 80, dtype=np.uint64)
    assert unpack_bits(pack(values, width), width).tolist() == values.tolist()


def test_runs_and_blocks_mixed() -> None:
    # 20 times 5 (header 40), a block of 16 values (header 2 << 1 | 1), 3 times 2 (header 6).
    block = np.arange(16, dtype=np.uint64) % 8
    content = bytes([40, 5, 5]) + pack(block, 3) + bytes([6, 2])
    expected = [5] * 20 + block.tolist() + [2] * 3
    assert decode_runs(content, 3, 39).tolist() == expected
    assert decode_runs(content, 3, 25).tolist() == expected[:25]


def test_a_run_has_whole_bytes_for_its_value() -> None:
    assert decode_runs(bytes([4, 0x34, 0x02]), 10, 2).tolist() == [0x234] * 2


def test_a_long_length_takes_several_bytes() -> None:
    assert decode_runs(bytes([0x80, 0x90, 0x01, 1]), 1, 9216).sum() == 9216


def test_no_bits_are_zeros() -> None:
    assert decode_runs(b"", 0, 3).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("content", "width", "said"),
    [
        (b"", 1, "end after 0 of 4"),
        (b"\x80\x80", 1, "end after 0 of 4"),
        (b"\xff" * 9, 1, "end after 0 of 4"),
        (b"\x04\x01", 1, "end after 2 of 4"),
        (b"\x03", 3, "end after 0 of 4"),
        (b"\x04", 9, "end after 0 of 4"),
        (b"\x00\x01", 1, "a run of no values"),
        (b"\x01", 1, "a run of no values"),
        (b"\x08\x01", 33, "expected 0 to 32"),
    ],
)
def test_runs_that_end_early_are_refused(content: bytes, width: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        decode_runs(content, width, 4)


def test_a_run_that_claims_more_is_cut() -> None:
    assert len(decode_runs(b"\xfe\xff\xff\xff\x0f\x01", 1, 5)) == 5
