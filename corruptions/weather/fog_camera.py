"""Fog in an image."""

from __future__ import annotations

import numpy as np

from corruptions.camera.light import LINEAR, to_linear, to_pixels
from corruptions.frame_like import Float32, UInt8
from corruptions.weather.resample import refine, shrink

BRIGHTEST = 0.01
"""Share of the image that the airlight is taken from."""
TINT = 0.3
"""Share of that part's colour that the fog keeps: fog scatters all colours alike, and from the whole sky."""
STEPS = 512
"""Entries of the blending table: equal steps of sqrt(1 - t), at most two pixel values wide even where it is dark."""


def fog_image(image: UInt8, range_m: Float32, extinction: float, covered: Float32 | None = None) -> UInt8:
    """Koschmieder's law in linear light: L = L0 * t + A * (1 - t) with t = exp(-alpha * range).

    In linear light the contrast of an object at the visibility is 5 %; on pixel values (sRGB) it would be 10.8 %.

    Args:
        image: (H, W, 3).
        range_m: (h, w), coarser than the image by any factor; inf for the sky. The edges of t are laid along those of the
            image (guided filter, He et al., PAMI 2013).
        covered: (H, W) share of a pixel before which there is a drop or a flake, as bright as the airlight: t is
            multiplied by 1 - covered.
    """
    transmission = refine(np.exp(-np.float32(extinction) * range_m), image)
    if covered is not None:
        transmission *= 1 - covered
    return veil(image, transmission, airlight(image))


def veil(image: UInt8, transmission: Float32, light: Float32) -> UInt8:
    """(H, W, 3) L * t + light * (1 - t) in linear light, by a table over pixel value and t.

    Args:
        transmission: (H, W) t within 0..1.
        light: (3,) linear light that takes the place of what is lost.
    """
    step = (np.sqrt(1 - transmission) * np.float32(STEPS - 1) + np.float32(0.5)).astype(np.uint32) << np.uint32(8)
    passed = 1 - (np.arange(STEPS, dtype=np.float32) / (STEPS - 1))[:, None] ** 2
    result = np.empty_like(image)
    for channel in range(3):
        table = to_pixels(LINEAR * passed + light[channel] * (1 - passed)).ravel()
        result[..., channel] = table[step | image[..., channel]]
    return result


def airlight(image: UInt8) -> Float32:
    """(3,) linear light of the fog: the mean of the brightest part of the image, coarsely seen, nearly grey."""
    coarse = to_linear(shrink(image, max(1, image.shape[1] // 100))).reshape(-1, 3)
    count = max(1, round(BRIGHTEST * len(coarse)))
    brightest = coarse[np.argsort(coarse.sum(axis=1), kind="stable")[-count:]].mean(axis=0)
    result: Float32 = TINT * brightest + (1 - TINT) * brightest.mean()
    return result
