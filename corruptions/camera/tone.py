"""Changed tones and colours, on pixel values, by tables."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import Float32, Float64, FrameLike, UInt8
from corruptions.imaging.each_image import each_image
from corruptions.rng import Streams


def brightness(frame: FrameLike, brightness_rise: float, streams: Streams) -> FrameLike:
    """Make images too bright: the HSV value of every pixel is raised, which washes out what clips.

    Hue and saturation stay.

    Args:
        frame: Frame to corrupt.
        brightness_rise: Rise as a share of white. Severities: 0.1, 0.2, 0.3, 0.4, 0.5.
        streams: Random streams (not used).

    Source:
        ImageNet-C (Hendrycks & Dietterich, ICLR 2019), brightness, on pixel values as there.
    """
    flat = brightness_table(brightness_rise).ravel()

    def brighten(image: UInt8, _: str) -> UInt8:
        index = _largest(image).astype(np.uint16)[..., None] << 8
        result: UInt8 = flat[index + image]
        return result

    return each_image(frame, brighten)


def contrast(frame: FrameLike, contrast_share: float, streams: Streams) -> FrameLike:
    """Lower the contrast: all values move towards their mean.

    A value v becomes mean + c (v - mean), with the mean of each image and colour.

    Args:
        frame: Frame to corrupt.
        contrast_share: Share c of the contrast that is left. Severities: 0.4, 0.3, 0.2, 0.1, 0.05.
        streams: Random streams (not used).

    Source:
        ImageNet-C (Hendrycks & Dietterich, ICLR 2019), contrast, on pixel values as there.
    """

    def flatten(image: UInt8, _: str) -> UInt8:
        mean = image.mean(axis=(0, 1))[:, None]
        tables = contrast_tables(mean, contrast_share)
        return np.stack(
            [table[image[..., channel]] for channel, table in enumerate(tables)], axis=-1
        )

    return each_image(frame, flatten)


def saturate(frame: FrameLike, saturation_gain: float, streams: Streams) -> FrameLike:
    """Make colours glaring: the HSV saturation of every pixel is multiplied.

    Saturation is clipped at 1, hue and value stay.

    Args:
        frame: Frame to corrupt.
        saturation_gain: Gain. Severities: 2, 3, 5, 10, 20.
        streams: Random streams (not used).

    Source:
        After ImageNet-C (Hendrycks & Dietterich, ICLR 2019), saturate. Deviations: its levels are
        gains of 0.3, 0.1, 2, 5, 20, which are not one degradation that grows. Gains below 1,
        towards grey, can be given by the parameter. Its two largest levels also add 0.1 and 0.2,
        which turns grey into red.
    """
    table = saturation_table(saturation_gain).ravel()

    def colour(image: UInt8, _: str) -> UInt8:
        value = _largest(image)
        least = np.minimum(np.minimum(image[..., 0], image[..., 1]), image[..., 2])
        gain: Float32 = table[(value.astype(np.uint16) << 8) + least]
        depth = (value[..., None] - image) * gain[..., None] + np.float32(0.5)
        result: UInt8 = value[..., None] - np.minimum(depth.astype(np.uint8), value[..., None])
        return result

    return each_image(frame, colour)


def color_quant(frame: FrameLike, color_bits: float, streams: Streams) -> FrameLike:
    """Leave few colours: every channel has few bits.

    A value becomes the nearest of 2^bits even levels from black to white. Bits that are not whole
    give any number of levels.

    Args:
        frame: Frame to corrupt.
        color_bits: Bits of a channel. Severities: 5, 4, 3, 2, 1.
        streams: Random streams (not used).

    Source:
        RoboBEV (Xie et al., arXiv 2304.06719), color quant. Deviation: its code cuts off the low
        bits, which also darkens the image. At 1 bit white becomes 128 there.
    """
    table = quantisation_table(color_bits)
    return each_image(frame, lambda image, _: table[image])


def brightness_table(rise: float) -> UInt8:
    """Return the new pixel value (256, 256) by the pixel's HSV value and its old value."""
    old = np.arange(256.0)[:, None]
    new = np.minimum(old + 255 * rise, 255.0)
    table = np.rint(new * np.where(old > 0, np.arange(256.0) / np.maximum(old, 1), 1.0))
    result: UInt8 = np.minimum(table, 255).astype(np.uint8)
    return result


def contrast_tables(mean: Float64, share: float) -> UInt8:
    """Tabulate the new pixel value by the old one.

    Args:
        mean: (..., 1) value that all values move to.
        share: Share of the contrast that is left.

    Returns:
        (..., 256) uint8.
    """
    tables: UInt8 = np.rint(np.clip(mean + share * (np.arange(256.0) - mean), 0, 255)).astype(
        np.uint8
    )
    return tables


def saturation_table(gain: float) -> Float32:
    """Return the factor on a pixel's differences from its largest value.

    The table (256, 256) is by the largest value and the smallest.
    """
    largest, smallest = np.arange(256)[:, None], np.arange(256)
    table: Float32 = np.minimum(gain, largest / np.maximum(largest - smallest, 1)).astype(
        np.float32
    )
    return table


def quantisation_table(bits: float) -> UInt8:
    """Return the new pixel value (256,) by the old one."""
    top = round(2**bits) - 1
    return np.rint(np.rint(np.arange(256.0) / 255 * top) / top * 255).astype(np.uint8)


def _largest(image: UInt8) -> UInt8:
    """Return the HSV value (H, W)."""
    result: UInt8 = np.maximum(np.maximum(image[..., 0], image[..., 1]), image[..., 2])
    return result
