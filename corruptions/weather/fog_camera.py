"""Fog in an image."""

from __future__ import annotations

import numpy as np

from corruptions.camera.light import to_linear, to_pixels
from corruptions.frame_like import Float32, UInt8
from corruptions.weather.resample import refine, shrink

BRIGHTEST = 0.01
"""Share of the image that the airlight is taken from."""
TINT = 0.3
"""Share of that part's colour that the fog keeps: fog scatters all colours alike, and from the whole sky."""


def fog_image(image: UInt8, range_m: Float32, extinction: float) -> UInt8:
    """Koschmieder's law in linear light: L = L0 * t + A * (1 - t) with t = exp(-alpha * range).

    In linear light the contrast of an object at the visibility is 5 %; on pixel values (sRGB) it would be 10.8 %.

    Args:
        image: (H, W, 3).
        range_m: (h, w), coarser than the image by any factor; inf for the sky. The edges of t are laid along those of the
            image (guided filter, He et al., PAMI 2013).
    """
    transmission = refine(np.exp(-extinction * range_m), image)[..., None]
    linear = to_linear(image)
    light = airlight(image)
    return to_pixels(light + (linear - light) * transmission)


def airlight(image: UInt8) -> Float32:
    """(3,) linear light of the fog: the mean of the brightest part of the image, coarsely seen, nearly grey."""
    coarse = to_linear(shrink(image, max(1, image.shape[1] // 100))).reshape(-1, 3)
    count = max(1, round(BRIGHTEST * len(coarse)))
    brightest = coarse[np.argsort(coarse.sum(axis=1), kind="stable")[-count:]].mean(axis=0)
    result: Float32 = TINT * brightest + (1 - TINT) * brightest.mean()
    return result
