"""Integers that Parquet codes in runs: repetition and definition levels, indices of a dictionary.

A run is one value with a count, or a block of values of `width` bits each.

Source: `Encodings.md` of apache/parquet-format, "Run Length Encoding / Bit-Packing Hybrid".
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

MAX_WIDTH = 32
_GROUP = 8
"""Values of a block come in groups of eight."""


def decode_runs(content: bytes, width: int, count: int) -> npt.NDArray[np.unsignedinteger[Any]]:
    """Decode integers.

    Args:
        content: The runs, without a length or width in front.
        width: Bits of each value, 0 to 32.
        count: Number of values.

    Returns:
        (count,) uint8 for values of up to eight bits, else uint32.

    Raises:
        ValueError: The runs end too early, or the width is out of range.
    """
    if not 0 <= width <= MAX_WIDTH:
        raise ValueError(f"values of {width} bits, expected 0 to {MAX_WIDTH}")
    if width == 0:
        return np.zeros(count, np.uint8)
    kind = np.uint8 if width <= 8 else np.uint32
    packed, counts, repeated, blocks = _split_runs(content, width, count)
    sizes = np.array(counts, np.int64)
    is_packed = np.array(packed, np.bool_)
    constants = np.array(repeated, np.uint32).astype(kind)
    if not blocks:
        return np.repeat(constants, sizes)[:count]
    unpacked = unpack_bits(b"".join(blocks), width).astype(kind, copy=False)
    if is_packed.all():
        return unpacked[:count]
    mask = np.repeat(is_packed, sizes)
    values = np.empty(len(mask), kind)
    values[mask] = unpacked
    values[~mask] = np.repeat(constants, sizes[~is_packed])
    return values[:count]


def unpack_bits(content: bytes, width: int) -> npt.NDArray[np.uint32]:
    """Unpack values of a fixed number of bits, the lowest bit first.

    Args:
        content: Whole groups of eight values, `width` bytes each.
        width: Bits of each value, 1 to 32.
    """
    groups = np.frombuffer(content, np.uint8).reshape(-1, width)
    # More bytes of zeros, so that five bytes can be gathered for the last value, too.
    padded = np.zeros((len(groups), width + 5), np.uint8)
    padded[:, :width] = groups
    values = np.empty((len(groups), _GROUP), np.uint32)
    for place in range(_GROUP):
        byte, shift = divmod(place * width, 8)
        needed = (shift + width + 7) // 8
        wide = padded[:, byte].astype(np.uint64 if needed > 4 else np.uint32)
        for more in range(1, needed):
            wide |= padded[:, byte + more].astype(wide.dtype) << wide.dtype.type(8 * more)
        wide >>= wide.dtype.type(shift)
        values[:, place] = wide & wide.dtype.type((1 << width) - 1)
    return values.reshape(-1)


def _split_runs(
    content: bytes, width: int, count: int
) -> tuple[list[bool], list[int], list[int], list[bytes]]:
    """Whether each run is a block, its length, values of the others, bytes of the blocks."""
    packed: list[bool] = []
    counts: list[int] = []
    repeated: list[int] = []
    blocks: list[bytes] = []
    value_bytes = (width + 7) // 8
    place, done, end = 0, 0, len(content)
    while done < count:
        header = shift = 0
        while True:
            if place >= end or shift > 35:
                raise ValueError(f"the runs end after {done} of {count} values")
            byte = content[place]
            place += 1
            header |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
        length = header >> 1
        if header & 1:
            # What lies behind the last value is not read.
            length = min(length, -(-(count - done) // _GROUP))
            size = length * width
            if place + size > end:
                raise ValueError(f"the runs end after {done} of {count} values")
            packed.append(True)
            counts.append(length * _GROUP)
            blocks.append(content[place : place + size])
            place += size
            done += length * _GROUP
        else:
            if place + value_bytes > end:
                raise ValueError(f"the runs end after {done} of {count} values")
            length = min(length, count - done)
            packed.append(False)
            counts.append(length)
            repeated.append(int.from_bytes(content[place : place + value_bytes], "little"))
            place += value_bytes
            done += length
        if length == 0:
            raise ValueError("a run of no values")
    return packed, counts, repeated, blocks
