"""Conversion between an image's size and a coarse grid of square cells."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy.ndimage import uniform_filter

from corruptions.frame_like import Float32, UInt8

RADIUS = 4
"""Half the window of the guided filter [cells]."""
SMOOTHNESS = 1e-3
"""The guided filter's epsilon.

Edges are followed whose variance in the window (a quarter of the squared contrast) is well above
it.
"""


def shrink_image(image: UInt8, factor: int) -> UInt8:
    """Average an image over cells. The last cells at the right and bottom may be smaller.

    Args:
        image: (H, W) or (H, W, C) uint8.
        factor: Pixels along the side of a cell.

    Returns:
        uint8 of one value for each cell and channel.
    """
    return np.asarray(Image.fromarray(image).reduce(factor))


def grow_map(values: Float32, factor: int, height: int, width: int) -> Float32:
    """Enlarge a map from cells to pixels, bilinearly.

    Args:
        values: (h, w) float32 on cells.
        factor: Pixels along the side of a cell.
        height: Height of the result [px].
        width: Width of the result [px].

    Returns:
        (height, width) float32.
    """
    rows, columns = values.shape
    grown = Image.fromarray(values).resize(
        (columns * factor, rows * factor), Image.Resampling.BILINEAR
    )
    return np.asarray(grown)[:height, :width]


def refine_map(values: Float32, image: UInt8) -> Float32:
    """Bring a coarse map to an image's size, with its edges laid along those of the image.

    Within a window the map is taken as linear in the image's grey value, fitted on the cells and
    applied on the pixels.

    Args:
        values: (h, w) float32 0..1 on cells of `cell_size(image)` pixels.
        image: (H, W, 3) uint8 RGB.

    Returns:
        (H, W) float32, 0..1.

    Source:
        Fast guided filter (He & Sun, arXiv 1505.00996).
    """
    factor = cell_size(image)
    grey = np.asarray(Image.fromarray(image).convert("L"))
    guide = shrink_image(grey, factor).astype(np.float32) / 255
    window = 2 * RADIUS + 1

    def mean(array: npt.NDArray[np.floating]) -> Float32:
        return np.asarray(uniform_filter(array, window, mode="nearest"), np.float32)

    mean_guide, mean_values = mean(guide), mean(values)
    covariance = mean(guide * values) - mean_guide * mean_values
    slope = covariance / (mean(guide * guide) - mean_guide**2 + np.float32(SMOOTHNESS))
    offset = mean(mean_values - slope * mean_guide)
    size = image.shape[:2]
    scaled = grow_map(mean(slope), factor, *size) * grey
    result: Float32 = np.clip(
        scaled * np.float32(1 / 255) + grow_map(offset, factor, *size), 0.0, 1.0
    )
    return result


def cell_size(image: UInt8) -> int:
    """Return the pixels along the side of a cell: 400 cells to the width, none below a pixel."""
    return max(1, int(image.shape[1]) // 400)
