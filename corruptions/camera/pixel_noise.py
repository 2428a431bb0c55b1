"""Independent noise of every pixel, fast.

Outcomes for every pixel value are drawn once, and then picked at random.
"""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import UInt8

OUTCOMES = 4096
"""Outcomes drawn for each of the 256 pixel values.

A share of 1/4096 of the distribution is resolved, its far tail is not.
"""


def pick_outcomes(image: UInt8, outcomes: UInt8, rng: np.random.Generator) -> UInt8:
    """Replace every value of an image by one of its outcomes, at random.

    A frame has 26 million values. Drawing an index is many times faster than drawing Poisson or
    normal noise.

    Args:
        image: uint8 of any shape.
        outcomes: (256, OUTCOMES) uint8 possible results for each pixel value.
        rng: Random generator.

    Returns:
        uint8 of the image's shape.
    """
    index = image.astype(np.uint32)
    index *= OUTCOMES
    index += rng.integers(0, OUTCOMES, image.shape, dtype=np.uint16)
    return outcomes.ravel()[index]
