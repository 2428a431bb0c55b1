"""Range images and poses of pixels: float matrices, compressed by zlib."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from calico.data.waymo.v1.encoding import encode_message
from calico.data.waymo.v1.messages import MATRIX_FLOAT
from calico.data.waymo.v1.wire import decode_message
from calico.errors import CalicoError
from calico.frame import Float32

MAX_MATRIX_BYTES = 1 << 26
"""Most bytes that a matrix may inflate to. Waymo's largest has 4 MB."""


def inflate_matrix(compressed: bytes | memoryview, channels: int, where: str) -> Float32:
    """Read a compressed matrix.

    Args:
        compressed: A `MatrixFloat`, compressed by zlib.
        channels: Expected length of its last axis.
        where: Names the file, the record and the field in errors.

    Returns:
        (H, W, channels) array, read-only.

    Raises:
        CalicoError: The content is damaged, too large, or has another shape.
    """
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(compressed, MAX_MATRIX_BYTES + 1)
    except zlib.error as error:
        raise CalicoError(f"{where}: cannot be inflated ({error})") from None
    if len(content) > MAX_MATRIX_BYTES:
        raise CalicoError(f"{where}: inflates to more than {MAX_MATRIX_BYTES} bytes")
    if not inflater.eof:
        raise CalicoError(f"{where}: the compressed matrix is cut off")
    return read_matrix(decode_message(content, MATRIX_FLOAT, where), channels, where)


def read_matrix(message: dict[str, Any], channels: int, where: str) -> Float32:
    """Read a matrix that is not compressed.

    Args:
        message: A decoded `MatrixFloat`.
        channels: Expected length of its last axis.
        where: Names the file, the record and the field in errors.

    Returns:
        (H, W, channels) array, read-only.

    Raises:
        CalicoError: The shape is another one, or does not fit to the number of values.
    """
    shape = tuple(int(side) for side in message.get("shape", {}).get("dims", ()))
    values = message.get("data", np.zeros(0, np.float32))
    if len(shape) != 3 or min(shape) < 1 or shape[2] != channels:
        raise CalicoError(f"{where}: has the shape {shape[:8]}, expected (H, W, {channels})")
    if len(values) != shape[0] * shape[1] * shape[2]:
        raise CalicoError(f"{where}: has {len(values)} values for the shape {shape}")
    matrix: Float32 = values.reshape(shape)
    return matrix


def deflate_matrix(matrix: Float32) -> bytes:
    """Write a matrix; see `inflate_matrix`.

    Args:
        matrix: (H, W, C) values.
    """
    message = {"data": np.asarray(matrix, np.float32).ravel(), "shape": {"dims": matrix.shape}}
    return zlib.compress(encode_message(message, MATRIX_FLOAT))
