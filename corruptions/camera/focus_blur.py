"""Blur by the lens: out of focus, or soft all over.

Sizes are shares of the image's width, so that they mean the same angle at any resolution. ImageNet-C (Hendrycks & Dietterich,
ICLR 2019) gives them in pixels of images 224 px high and wide; its pixel is taken here as 1/400 of the width, i.e. its image
as one of 16:9 that is 224 px high: 4 px at 900x1600. Deviation of both: they blur pixel values; here light is blurred.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from corruptions.frame_like import Float32, FrameLike
from corruptions.imaging.convolution import blur_image
from corruptions.imaging.each_image import each_image
from corruptions.rng import Streams


def defocus_blur(frame: FrameLike, defocus_radius: float, streams: Streams) -> FrameLike:
    """Out of focus: every point of the image becomes a disc.

    Parameter: the disc's radius as a share of the width, 0.75 1 1.5 2 2.5 % (ImageNet-C: 3 4 6 8 10 px). The same disc
    everywhere: nothing of a street is as near as the lens is far from sharp.
    """
    return each_image(
        frame, lambda image, _: blur_image(image, disc_kernel(defocus_radius * image.shape[1]))
    )


def gaussian_blur(frame: FrameLike, blur_sigma: float, streams: Streams) -> FrameLike:
    """Soft all over: a normal blur.

    Parameter: its standard deviation as a share of the width, 0.25 0.5 0.75 1 1.5 % (ImageNet-C: 1 2 3 4 6 px).
    """
    return each_image(
        frame, lambda image, _: blur_image(image, normal_kernel(blur_sigma * image.shape[1]))
    )


def disc_kernel(radius_px: float) -> Float32:
    """An even disc in an odd-sized square, its rim spread over a pixel; sums to 1."""
    half = int(np.ceil(radius_px + 0.5))
    v, u = np.indices((2 * half + 1, 2 * half + 1)) - half
    kernel = np.clip(radius_px + 0.5 - np.hypot(u, v), 0.0, 1.0)
    result: Float32 = (kernel / kernel.sum()).astype(np.float32)
    return result


def normal_kernel(sigma_px: float) -> Float32:
    """A normal distribution's share of every pixel of an odd-sized square, cut off at 4 sigma; sums to 1."""
    half = int(np.ceil(4 * sigma_px))
    edges = (np.arange(2 * half + 2) - half - 0.5) / max(sigma_px, 1e-6)
    line = np.diff(ndtr(edges))
    kernel = np.outer(line, line)
    result: Float32 = (kernel / kernel.sum()).astype(np.float32)
    return result
