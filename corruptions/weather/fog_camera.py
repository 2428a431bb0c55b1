"""Fog in an image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from corruptions.frame_like import Float32, UInt8
from corruptions.imaging.linear_light import LINEAR, to_linear, to_pixels
from corruptions.imaging.resample import refine_map, shrink_image

BRIGHTEST = 0.01
"""Share of the image that the airlight is taken from."""
TINT = 0.3
"""Share of that part's colour that the fog keeps.

Fog scatters all colours alike, and light from the whole sky.
"""
OVERCAST = 0.75
"""Linear light of an overcast sky, the brightest airlight: pixel value 225."""
STEPS = 512
"""Entries of the blending table, in equal steps of sqrt(1 - t).

A step is at most two pixel values wide even where it is dark.
"""


def fog_image(
    image: UInt8, transmission: Float32, light: Float32, covered: Float32 | None = None
) -> UInt8:
    """Blend an image with the airlight by Koschmieder's law: L = L0 t + A (1 - t) in linear light.

    In linear light the contrast of an object at the visibility is 5 %. On pixel values (sRGB) it
    would be 10.8 %.

    Args:
        image: (H, W, 3) uint8 RGB.
        transmission: (h, w) t = exp(-alpha range), coarser than the image by any factor. Its edges
            are laid along those of the image (guided filter, He et al., PAMI 2013).
        light: (3,) airlight A in linear light, see `estimate_airlight`.
        covered: (H, W) share of a pixel that is hidden by drops or flakes as bright as the
            airlight. Then t is multiplied by 1 - covered. Default: none.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    fine = refine_map(transmission, image)
    if covered is not None:
        fine *= 1 - covered
    return veil_image(image, fine, light)


def veil_image(image: UInt8, transmission: Float32, light: Float32) -> UInt8:
    """Compute L t + light (1 - t) in linear light, by a table over pixel value and t.

    An image that is all black comes from a camera that is off, and stays black.

    Args:
        image: (H, W, 3) uint8 RGB.
        transmission: (H, W) t, 0..1.
        light: (3,) linear light that takes the place of what is lost.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    if not image.any():
        return np.array(image)
    step = (np.sqrt(1 - transmission) * np.float32(STEPS - 1) + np.float32(0.5)).astype(
        np.uint32
    ) << np.uint32(8)
    passed = 1 - (np.arange(STEPS, dtype=np.float32) / (STEPS - 1))[:, None] ** 2
    result = np.empty_like(image)
    for channel in range(3):
        table = to_pixels(LINEAR * passed + light[channel] * (1 - passed)).ravel()
        result[..., channel] = table[step | image[..., channel]]
    return result


def estimate_airlight(images: Sequence[UInt8]) -> Float32:
    """Estimate the light of the fog, one for all cameras of a rig.

    It is the mean of the brightest part of an image, coarsely seen and nearly grey. The median over
    the cameras that are not black is taken, so that neither the one that sees the sun nor one that
    is off decides. It is never brighter than an overcast sky (`OVERCAST`): a camera that sees fog
    does not see it as pure white.

    Args:
        images: The images (H, W, 3) of all cameras of a frame.

    Returns:
        (3,) linear light.
    """
    lit = [image for image in images if image.any()]
    if not lit:
        return np.zeros(3, np.float32)
    brightest = np.median([_brightest(image) for image in lit], axis=0)
    light = TINT * brightest + (1 - TINT) * brightest.mean()
    return np.asarray(light * (OVERCAST / max(float(light.max()), OVERCAST)), np.float32)


def _brightest(image: UInt8) -> Float32:
    """Compute the mean linear light (3,) of the brightest part of one image."""
    coarse = to_linear(shrink_image(image, max(1, image.shape[1] // 100))).reshape(-1, 3)
    count = max(1, round(BRIGHTEST * len(coarse)))
    result: Float32 = coarse[np.argsort(coarse.sum(axis=1), kind="stable")[-count:]].mean(axis=0)
    return result
