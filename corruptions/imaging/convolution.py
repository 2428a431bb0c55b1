"""Convolution of an image with any kernel, in linear light."""

from __future__ import annotations

import numpy as np
import scipy.fft

from corruptions.frame_like import Float32, UInt8
from corruptions.imaging.linear_light import to_linear, to_pixels


def blur_image(image: UInt8, kernel: Float32) -> UInt8:
    """Convolve an image with a kernel in linear light. Its edge is repeated outside.

    Args:
        image: (H, W, 3) uint8 RGB.
        kernel: (h, w) float32 of odd sizes, sums to 1.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    return to_pixels(convolve_linear(to_linear(image), kernel))


def convolve_linear(linear: Float32, kernel: Float32) -> Float32:
    """Convolve linear light with a kernel by FFT, as in `blur_image`.

    Args:
        linear: (H, W, 3) float32 linear light.
        kernel: (h, w) float32 of odd sizes, sums to 1.

    Returns:
        (H, W, 3) float32 linear light.
    """
    height, width = linear.shape[:2]
    top, left = kernel.shape[0] // 2, kernel.shape[1] // 2
    padded = np.pad(linear, ((top, top), (left, left), (0, 0)), mode="edge").transpose(2, 0, 1)
    size = [scipy.fft.next_fast_len(n, real=True) for n in padded.shape[1:]]
    spectrum = scipy.fft.rfft2(padded, s=size)
    spectrum *= scipy.fft.rfft2(kernel, s=size)
    blurred = scipy.fft.irfft2(spectrum, s=size)[
        :, 2 * top : 2 * top + height, 2 * left : 2 * left + width
    ]
    result: Float32 = blurred.transpose(1, 2, 0)
    return result
