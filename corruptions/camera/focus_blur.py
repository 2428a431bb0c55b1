"""Blur by the lens: out of focus, or soft all over.

Sizes are shares of the image's width, so that they mean the same angle at any resolution.
ImageNet-C (Hendrycks & Dietterich, ICLR 2019) gives them in pixels of images 224 px high and wide.
Its pixel is taken here as 1/400 of the width, i.e. its image as one of 16:9 that is 224 px high: 4
px at 900x1600. Both blurs deviate in one point: it blurs pixel values, here light is blurred.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from corruptions.frame_like import Float32, FrameLike
from corruptions.imaging.convolution import blur_image
from corruptions.imaging.each_image import each_image
from corruptions.rng import Streams


def defocus_blur(frame: FrameLike, defocus_radius: float, streams: Streams) -> FrameLike:
    """Put images out of focus: every point becomes a disc.

    The disc is the same everywhere, as nothing of a street is as near as the lens is far from
    sharp.

    Args:
        frame: Frame to corrupt.
        defocus_radius: Radius of the disc as a share of the width. Severities: 0.75, 1, 1.5, 2, 2.5
            %.
        streams: Random streams (not used).

    Source:
        ImageNet-C (Hendrycks & Dietterich, ICLR 2019), defocus blur of 3, 4, 6, 8, 10 px.
    """
    return each_image(
        frame, lambda image, _: blur_image(image, disc_kernel(defocus_radius * image.shape[1]))
    )


def gaussian_blur(frame: FrameLike, blur_sigma: float, streams: Streams) -> FrameLike:
    """Make images soft all over, by a normal blur.

    Args:
        frame: Frame to corrupt.
        blur_sigma: Standard deviation as a share of the width. Severities: 0.25, 0.5, 0.75, 1, 1.5
            %.
        streams: Random streams (not used).

    Source:
        ImageNet-C (Hendrycks & Dietterich, ICLR 2019), gaussian blur of 1, 2, 3, 4, 6 px.
    """
    return each_image(
        frame, lambda image, _: blur_image(image, normal_kernel(blur_sigma * image.shape[1]))
    )


def disc_kernel(radius_px: float) -> Float32:
    """Return an even disc in an odd-sized square that sums to 1; its rim spreads over a pixel."""
    half = int(np.ceil(radius_px + 0.5))
    v, u = np.indices((2 * half + 1, 2 * half + 1)) - half
    kernel = np.clip(radius_px + 0.5 - np.hypot(u, v), 0.0, 1.0)
    result: Float32 = (kernel / kernel.sum()).astype(np.float32)
    return result


def normal_kernel(sigma_px: float) -> Float32:
    """Return a normal distribution's share of each pixel of a square, cut off at 4 sigma.

    The square has an odd size, and the kernel sums to 1.
    """
    half = int(np.ceil(4 * sigma_px))
    edges = (np.arange(2 * half + 2) - half - 0.5) / max(sigma_px, 1e-6)
    line = np.diff(ndtr(edges))
    kernel = np.outer(line, line)
    result: Float32 = (kernel / kernel.sum()).astype(np.float32)
    return result
