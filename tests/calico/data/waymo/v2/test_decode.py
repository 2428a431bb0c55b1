"""Pages of numbers that are made by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from calico.data.waymo.v2.decode import decode_numbers
from tests.calico.data.waymo.v2.test_levels import pack

PLAIN, RLE_DICTIONARY, BYTE_STREAM_SPLIT = 0, 8, 9


@pytest.mark.parametrize(("kind", "dtype"), [("FLOAT", "<f4"), ("DOUBLE", "<f8")])
def test_indices_pick_from_the_dictionary(kind: str, dtype: str) -> None:
    known = np.array([1.5, -2.25, 1e-30, np.nan], dtype)
    indices = np.array([3, 0, 1, 2, 1, 1, 0, 0], np.uint64)
    content = bytes([2, 3]) + pack(indices, 2) + bytes([20, 1])  # a block of 8, and 10 times 1
    found = decode_numbers(kind, RLE_DICTIONARY, content, 18, (known.tobytes(), 4))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, known[[*indices.tolist(), *[1] * 10]])


def test_split_bytes_are_joined() -> None:
    numbers = np.random.default_rng(0).normal(size=11).astype("<f4")
    content = numbers.view(np.uint8).reshape(11, 4).T.tobytes()
    assert decode_numbers("FLOAT", BYTE_STREAM_SPLIT, content, 11).tolist() == numbers.tolist()


@pytest.mark.parametrize(
    ("encoding", "content", "dictionary"),
    [
        (RLE_DICTIONARY, bytes([2, 20, 9]), (bytes(16), 4)),  # an index behind the dictionary
        (RLE_DICTIONARY, bytes([2, 2, 1]), (bytes(16), 4)),  # too few indices
        (RLE_DICTIONARY, b"", (bytes(16), 4)),
        (RLE_DICTIONARY, bytes([2, 20, 1]), (bytes(16), 40)),  # a dictionary cut off
        (RLE_DICTIONARY, bytes([2, 20, 1]), None),
        (PLAIN, bytes(8), None),
        (BYTE_STREAM_SPLIT, bytes(8), None),
        (77, bytes(40), None),
    ],
)
def test_what_holds_too_little_is_refused(
    encoding: int, content: bytes, dictionary: tuple[bytes, int] | None
) -> None:
    with pytest.raises((pa.ArrowException, OSError)):
        decode_numbers("FLOAT", encoding, content, 10, dictionary)
