from __future__ import annotations

import numpy as np
import pytest

from calico.data.waymo.v1 import crc32c
from calico.data.waymo.v1.crc32c import compute_crc32c, mask_crc


def crc_bit_by_bit(data: bytes) -> int:
    """The definition: divide by the polynomial, one bit at a time."""
    state = 0xFFFFFFFF
    for byte in data:
        state ^= byte
        for _ in range(8):
            state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    return state ^ 0xFFFFFFFF


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", 0),
        (b"123456789", 0xE3069283),
        # RFC 3720, B.4
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
)
def test_published_values(data: bytes, expected: int) -> None:
    assert compute_crc32c(data) == expected


@pytest.mark.parametrize("size", [511, 512, 2047, 2048, 2049, 2559, 2560, 2561, 4100, 12_345])
def test_lanes_equal_the_definition(size: int) -> None:
    data = np.random.default_rng(size).bytes(size)
    assert compute_crc32c(data) == crc_bit_by_bit(data)
    assert compute_crc32c(memoryview(data)) == crc_bit_by_bit(data)


@pytest.mark.parametrize("size", [6000, 6001, 6003, 8500, 9000])
def test_chunks_are_joined(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crc32c, "_CHUNK", 3000)
    data = np.random.default_rng(size).bytes(size)
    assert compute_crc32c(data) == crc_bit_by_bit(data)


def test_the_mask_is_a_turn_and_a_sum() -> None:
    # 0x8A9136AA turned right by 15 bits: its bits 31..15 are 0x11522, its bits 14..0 are 0x36AA.
    assert 0x36AA << 17 | 0x11522 == 0x6D551522
    assert mask_crc(0x8A9136AA) == (0x6D551522 + 0xA282EAD8) % 2**32
