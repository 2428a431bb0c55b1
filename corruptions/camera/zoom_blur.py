"""Blur by motion along the line of sight."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from corruptions.frame_like import Float32, FrameLike, UInt8
from corruptions.imaging.each_image import each_image
from corruptions.imaging.linear_light import to_linear, to_pixels
from corruptions.rng import Streams

SPACING = 1 / 400
"""Largest distance of two copies at the image's corner, as a share of the width.

It is a pixel of ImageNet-C.
"""


def zoom_blur(frame: FrameLike, zoom_end: float, streams: Streams) -> FrameLike:
    """Grow the image during the exposure, as when the zoom turns or the camera rushes ahead.

    The result is the mean, in linear light, of 2^k copies with even steps of the logarithm of their
    zoom, from 1 on.

    Args:
        frame: Frame to corrupt.
        zoom_end: Last zoom. Severities: 1.10, 1.15, 1.20, 1.25, 1.30.
        streams: Random streams (not used).

    Source:
        ImageNet-C (Hendrycks & Dietterich, ICLR 2019), zoom blur: 11 to 16 copies at even steps of
        the zoom, on pixel values.
    """
    return each_image(frame, lambda image, _: average_zooms(image, zoom_end))


def average_zooms(image: UInt8, zoom_end: float) -> UInt8:
    """Average 2^k zoomed copies of an image by k zooms.

    The mean of 2n copies is half that of n, plus half that zoomed by the nth step.

    Args:
        image: (H, W, 3) uint8 RGB.
        zoom_end: Last zoom.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    height, width = image.shape[:2]
    linear = to_linear(image)
    channels = [np.ascontiguousarray(linear[..., channel]) for channel in range(3)]
    for zoom in zoom_steps(height, width, zoom_end):
        channels = [
            (channel + zoom_channel(channel, zoom)) * np.float32(0.5) for channel in channels
        ]
    return to_pixels(np.stack(channels, axis=-1))


def zoom_steps(height: int, width: int, zoom_end: float) -> list[float]:
    """Compute the zoom of every doubling of the number of copies.

    The steps are s, s^2, s^4 ..., and their product is zoom_end.

    Args:
        height: Height of the image [px].
        width: Width of the image [px].
        zoom_end: Last zoom.
    """
    reach = (zoom_end - 1) * math.hypot(height, width) / 2
    doublings = max(1, math.ceil(math.log2(reach / (SPACING * width) + 1)))
    step = zoom_end ** (1 / (2**doublings - 1))
    return [step ** (2**number) for number in range(doublings)]


def zoom_channel(channel: Float32, zoom: float) -> Float32:
    """Enlarge a channel about its centre (bilinear) and cut it to its size.

    Args:
        channel: (H, W) float32.
        zoom: Factor.

    Returns:
        (H, W) float32.
    """
    height, width = channel.shape
    left, top = width / 2 * (1 - 1 / zoom), height / 2 * (1 - 1 / zoom)
    box = (left, top, width - left, height - top)
    return np.asarray(
        Image.fromarray(channel).resize((width, height), Image.Resampling.BILINEAR, box)
    )
