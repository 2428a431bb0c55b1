"""CRC-32C of large records in numpy.

The bytes are split into lanes of equal length, all lanes advance two bytes at a time, and their
remainders are joined pairwise. This works because the checksum is linear over the bits: bytes of
zero in front change nothing, and appending bytes of zero is a matrix of 32 x 32 bits.

Source: polynomial of Castagnoli et al., IEEE Trans. Communications 41 (1993); check value of the
text "123456789" in RFC 3720, B.4 and the catalogue of parametrised CRC algorithms.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

_UInt32 = npt.NDArray[np.uint32]
_POLYNOMIAL = 0x82F63B78
_FULL = 0xFFFFFFFF
_LANE = 512
"""Bytes in a lane."""
_CHUNK = 1 << 22
"""Bytes that are worked on at a time."""
_SMALL = 2048
"""Bytes up to which a loop is faster."""


def compute_crc32c(data: bytes | memoryview) -> int:
    """Compute the CRC-32C of bytes.

    Args:
        data: Any number of bytes.

    Returns:
        The checksum, not masked.

    Example:
        >>> hex(compute_crc32c(b"123456789"))
        '0xe3069283'
    """
    state = _FULL
    if len(data) <= _SMALL:
        return _advance(state, data) ^ _FULL
    for start in range(0, len(data), _CHUNK):
        part = data[start : start + _CHUNK]
        state = _advance(state, part) if len(part) <= _SMALL else _advance_lanes(state, part)
    return state ^ _FULL


def mask_crc(crc: int) -> int:
    """Mask a checksum that is stored beside its data, as TFRecord files do."""
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & _FULL


def _advance(state: int, data: bytes | memoryview) -> int:
    table = _byte_list()
    for byte in data:
        state = state >> 8 ^ table[(state ^ byte) & 0xFF]
    return state


def _advance_lanes(state: int, data: bytes | memoryview) -> int:
    """Advance over more than `_SMALL` bytes."""
    lanes = -(-len(data) // _LANE)
    padded = np.zeros(lanes * _LANE, np.uint8)
    padded[-len(data) :] = np.frombuffer(data, np.uint8)
    first = len(padded) - len(data)
    padded[first : first + 4] ^= np.frombuffer(state.to_bytes(4, "little"), np.uint8)
    words = np.ascontiguousarray(padded.view("<u4").reshape(lanes, -1).T)
    high, low = _word_tables()
    remainders = np.zeros(lanes, np.uint32)
    for row in words:
        remainders ^= row
        remainders = high[remainders & 0xFFFF] ^ low[remainders >> 16]
    level = 0
    while len(remainders) > 1:
        if len(remainders) % 2:
            remainders = np.append(np.zeros(1, np.uint32), remainders)
        remainders = _append_zeros(remainders[::2], level) ^ remainders[1::2]
        level += 1
    return int(remainders[0])


@cache
def _byte_table() -> _UInt32:
    """Remainder after one byte."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, table >> 1 ^ np.uint32(_POLYNOMIAL), table >> 1)
    return table


@cache
def _byte_list() -> list[int]:
    return [int(value) for value in _byte_table()]


@cache
def _word_tables() -> tuple[_UInt32, _UInt32]:
    """Remainders after four bytes, by the first two and by the last two of them."""
    tables = [_byte_table()]
    for _ in range(3):
        tables.append(tables[0][tables[-1] & 0xFF] ^ tables[-1] >> 8)
    pairs = np.arange(1 << 16, dtype=np.uint32)
    return (
        tables[3][pairs & 0xFF] ^ tables[2][pairs >> 8],
        tables[1][pairs & 0xFF] ^ tables[0][pairs >> 8],
    )


def _append_zeros(remainders: _UInt32, level: int) -> _UInt32:
    """Remainders after `_LANE` << level more bytes of zero."""
    result = np.zeros_like(remainders)
    for bit, column in enumerate(_zeros_matrix(level)):
        result ^= (remainders >> np.uint32(bit) & 1) * column
    return result


@cache
def _zeros_matrix(level: int) -> _UInt32:
    """(32,) columns of the matrix that appends `_LANE` << level bytes of zero."""
    if level > 0:
        return _append_zeros(_zeros_matrix(level - 1), level - 1)
    columns: _UInt32 = np.uint32(1) << np.arange(32, dtype=np.uint32)
    for _ in range(_LANE):
        columns = _byte_table()[columns & 0xFF] ^ columns >> 8
    return columns
