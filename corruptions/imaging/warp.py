"""Images seen through displacements."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import Float32, UInt8


def warp_image(image: UInt8, down: Float32, right: Float32) -> UInt8:
    """Give every pixel the bilinear value of the place that is displaced from it.

    Beyond the edge, the edge's value is taken.

    Args:
        image: (H, W, 3) uint8 RGB.
        down: (H, W) float32 displacement [px].
        right: (H, W) float32 displacement [px].

    Returns:
        (H, W, 3) uint8 RGB.
    """
    height, width = image.shape[:2]
    row = np.clip(np.arange(height, dtype=np.float32)[:, None] + down, 0, height - 1.001)
    column = np.clip(np.arange(width, dtype=np.float32) + right, 0, width - 1.001)
    return sample_bilinear(image, row, column)


def sample_bilinear(image: UInt8, row: Float32, column: Float32) -> UInt8:
    """Interpolate an image bilinearly at places.

    Args:
        image: (H, W, 3) uint8 RGB.
        row: (...,) float32 places, 0 <= row < H - 1.
        column: (...,) float32 places, 0 <= column < W - 1.

    Returns:
        (..., 3) uint8 RGB.
    """
    width = image.shape[1]
    top, left = row.astype(np.int32), column.astype(np.int32)
    below, beside = row - top, column - left
    index = top * width + left
    result = np.empty((*row.shape, 3), np.uint8)
    for channel in range(3):
        flat = image[..., channel].ravel()
        upper = _between(flat.take(index), flat.take(index + 1), beside)
        lower = _between(flat.take(index + width), flat.take(index + width + 1), beside)
        result[..., channel] = _between(upper, lower, below) + np.float32(0.5)
    return result


def _between(a: UInt8 | Float32, b: UInt8 | Float32, share: Float32) -> Float32:
    first = a.astype(np.float32)
    first += (b - first) * share
    return first
