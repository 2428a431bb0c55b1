"""A view through frosted glass."""

from __future__ import annotations

import numpy as np
from PIL import Image

from corruptions.camera.focus_blur import normal_kernel
from corruptions.frame_like import Float32, FrameLike, Int64, UInt8
from corruptions.imaging.convolution import convolve_linear
from corruptions.imaging.each_image import each_image
from corruptions.imaging.linear_light import to_linear, to_pixels
from corruptions.rng import Streams

GRAIN = 1 / 400
"""Size of the glass' grains as a share of the width: a pixel of ImageNet-C."""
FULL_SCATTER = 0.00175
"""Scatter below which the blurs vanish in proportion to it: that of severity 1."""
SOFTNESS = 1 / 800, 0.25
"""Sigma of the blur before and after: a share of the width, plus a share of the scatter."""
FINEST_SIGMA_PX = 1.3
"""Images are worked on at the lowest resolution at which that sigma is this large [px]."""


def glass_blur(frame: FrameLike, glass_scatter: float, streams: Streams) -> FrameLike:
    """Look through frosted glass: every grain shows what is a little beside it.

    The displacement is uniform, a draw of its own for every grain of 1/400 of the width, between
    two normal blurs of sigma = 1/800 + scatter / 4, in linear light.

    Args:
        frame: Frame to corrupt.
        glass_scatter: Displacement (root mean square along each axis) as a share of the width.
            Severities: 0.175, 0.275, 0.475, 0.6, 0.8 %.
        streams: Random streams of the corruption and frame.

    Source:
        After ImageNet-C (Hendrycks & Dietterich, ICLR 2019), glass blur. It swaps pixels with
        neighbours 1, 2, 2, 3, 4 px away, 2, 1, 3, 2, 2 times, between blurs of sigma 0.7, 0.9, 1,
        1.1, 1.5 px. These displacements are those of its swaps (two for every pixel and pass),
        these sigmas within 0.25 px of its own, where a pixel is 1/400 of the width. Deviations:
        grains draw independently instead of swapping; in linear light.
    """
    return each_image(
        frame, lambda image, camera: scatter_image(image, glass_scatter, streams.per_frame(camera))
    )


def scatter_image(image: UInt8, scatter: float, rng: np.random.Generator) -> UInt8:
    """Render one image through glass.

    It is worked on in cells of several pixels where it is blurred by more than these anyway.

    Args:
        image: (H, W, 3) uint8 RGB.
        scatter: Displacement as a share of the width.
        rng: Random generator.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    height, width = image.shape[:2]
    cell, kernel = choose_cells(width, scatter)
    linear = to_linear(image)
    cells = np.stack(
        [np.asarray(Image.fromarray(linear[..., c]).reduce(cell)) for c in range(3)], axis=-1
    )
    soft = convolve_linear(cells, kernel)
    row, column = shuffle_grains(
        soft.shape[0], soft.shape[1], scatter * width / cell, GRAIN * width / cell, rng
    )
    shuffled: Float32 = soft[row, column]
    scattered = np.ascontiguousarray(convolve_linear(shuffled, kernel).transpose(2, 0, 1))
    size, box = (width, height), (0, 0, width / cell, height / cell)
    grown = [
        np.asarray(Image.fromarray(channel).resize(size, Image.Resampling.BILINEAR, box))
        for channel in scattered
    ]
    return to_pixels(np.stack(grown, axis=-1))


def choose_cells(width: int, scatter: float) -> tuple[int, Float32]:
    """Choose the cells that an image is worked on in.

    Args:
        width: Width of the image [px].
        scatter: Displacement as a share of the width.

    Returns:
        Side of the cells [px], and the normal blur's kernel on them.
    """
    sigma_px = (SOFTNESS[0] + SOFTNESS[1] * scatter) * min(scatter / FULL_SCATTER, 1.0) * width
    cell = max(1, int(sigma_px / FINEST_SIGMA_PX))
    return cell, normal_kernel(sigma_px / cell)


def shuffle_grains(
    h: int, w: int, scatter: float, grain: float, rng: np.random.Generator
) -> tuple[Int64, Int64]:
    """Draw which cell every cell shows, grain by grain.

    Args:
        h: Rows of cells.
        w: Columns of cells.
        scatter: Displacement [cells].
        grain: Side of a grain [cells].
        rng: Random generator.

    Returns:
        (h, w) int64 rows and (h, w) int64 columns.
    """
    row, column = np.arange(h), np.arange(w)
    grains = (row / max(grain, 1)).astype(int)[:, None], (column / max(grain, 1)).astype(int)
    reach = np.sqrt(3) * scatter
    drawn = rng.uniform(-reach, reach, (2, int(grains[0][-1, 0]) + 1, int(grains[1][-1]) + 1))
    shift = np.rint(drawn).astype(np.int64)[:, grains[0], grains[1]]
    return np.clip(row[:, None] + shift[0], 0, h - 1), np.clip(column + shift[1], 0, w - 1)
