from __future__ import annotations

import zlib

import numpy as np
import pytest

from calico.data.waymo.v1 import matrices
from calico.data.waymo.v1.encoding import encode_message
from calico.data.waymo.v1.matrices import deflate_matrix, inflate_matrix
from calico.data.waymo.v1.messages import MATRIX_FLOAT
from calico.errors import CalicoError

MATRIX = np.random.default_rng(0).normal(0, 30, (3, 5, 4)).astype(np.float32)


def test_a_matrix_comes_back() -> None:
    found = inflate_matrix(deflate_matrix(MATRIX), 4, "x")
    np.testing.assert_array_equal(found, MATRIX)
    assert found.dtype == np.float32


def test_bombs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = zlib.compress(bytes(100_000_000))
    assert len(bomb) < 100_000
    with pytest.raises(CalicoError, match=r"f: inflates to more than 67108864 bytes"):
        inflate_matrix(bomb, 4, "f")
    size = len(zlib.decompress(deflate_matrix(MATRIX)))
    monkeypatch.setattr(matrices, "MAX_MATRIX_BYTES", size)
    inflate_matrix(deflate_matrix(MATRIX), 4, "f")
    monkeypatch.setattr(matrices, "MAX_MATRIX_BYTES", size - 1)
    with pytest.raises(CalicoError, match=f"f: inflates to more than {size - 1} bytes"):
        inflate_matrix(deflate_matrix(MATRIX), 4, "f")


def _message(count: int, *dims: int) -> bytes:
    content = {"data": np.zeros(count, np.float32), "shape": {"dims": list(dims)}}
    return zlib.compress(encode_message(content, MATRIX_FLOAT))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"damaged", "cannot be inflated"),
        (deflate_matrix(MATRIX)[:-5], "is cut off"),
        (_message(60, 3, 5), r"has the shape \(3, 5\), expected \(H, W, 4\)"),
        (_message(45, 3, 5, 3), r"has the shape \(3, 5, 3\), expected \(H, W, 4\)"),
        (_message(0, 0, 5, 4), r"has the shape \(0, 5, 4\)"),
        (_message(60, -3, -5, 4), r"has the shape \(-3, -5, 4\)"),
        (_message(59, 3, 5, 4), r"has 59 values for the shape \(3, 5, 4\)"),
        (_message(0, 2**30, 2**30, 4), "has 0 values for the shape"),
        (zlib.compress(b""), r"has the shape \(\)"),
        (zlib.compress(b"\x0a\x05"), r"MatrixFloat\.data\[0\]: states 5 bytes"),
    ],
)
def test_damaged_matrices_are_refused(content: bytes, reason: str) -> None:
    with pytest.raises(CalicoError, match=f"f: .*{reason}"):
        inflate_matrix(content, 4, "f")
