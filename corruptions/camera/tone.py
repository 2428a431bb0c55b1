"""Changed tones and colours, on pixel values, by tables."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import Float32, Float64, FrameLike, UInt8
from corruptions.imaging.each_image import each_image
from corruptions.rng import Streams


def brightness(frame: FrameLike, brightness_rise: float, streams: Streams) -> FrameLike:
    """Too bright: the HSV value of every pixel is raised, which washes out what clips.

    Parameter: the rise as a share of white, 0.1 0.2 0.3 0.4 0.5; hue and saturation stay. Source: ImageNet-C (Hendrycks &
    Dietterich, ICLR 2019), brightness, on pixel values as there.
    """
    flat = brightness_table(brightness_rise).ravel()

    def brighten(image: UInt8, _: str) -> UInt8:
        index = _largest(image).astype(np.uint16)[..., None] << 8
        result: UInt8 = flat[index + image]
        return result

    return each_image(frame, brighten)


def contrast(frame: FrameLike, contrast_share: float, streams: Streams) -> FrameLike:
    """Low contrast: all values move towards their mean.

    Parameter: the contrast that is left, 0.4 0.3 0.2 0.1 0.05: v becomes mean + c (v - mean), with the mean of each image and
    colour. Source: ImageNet-C (Hendrycks & Dietterich, ICLR 2019), contrast, on pixel values as there.
    """

    def flatten(image: UInt8, _: str) -> UInt8:
        mean = image.mean(axis=(0, 1))[:, None]
        tables = contrast_tables(mean, contrast_share)
        return np.stack(
            [table[image[..., channel]] for channel, table in enumerate(tables)], axis=-1
        )

    return each_image(frame, flatten)


def saturate(frame: FrameLike, saturation_gain: float, streams: Streams) -> FrameLike:
    """Glaring colours: the HSV saturation of every pixel is multiplied.

    Parameter: the gain, 2 3 5 10 20; saturation is clipped at 1, hue and value stay. After ImageNet-C (Hendrycks &
    Dietterich, ICLR 2019), saturate. Deviations: its levels are gains of 0.3 0.1 2 5 20, which are not one degradation that
    grows (gains below 1, towards grey, are had by the parameter), and its two largest also add 0.1 and 0.2, which turns
    grey into red.
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
    """Few colours: every channel has few bits.

    Parameter: the bits of a channel, 5 4 3 2 1: the nearest of 2^bits even levels from black to white (any number of levels
    for bits that are not whole). Source: RoboBEV (Xie et al., arXiv 2304.06719), color quant. Deviation: its code cuts off
    the low bits, which also darkens the image: at 1 bit white becomes 128 there.
    """
    table = quantisation_table(color_bits)
    return each_image(frame, lambda image, _: table[image])


def brightness_table(rise: float) -> UInt8:
    """(256, 256) new pixel value by the pixel's HSV value and its old value."""
    old = np.arange(256.0)[:, None]
    new = np.minimum(old + 255 * rise, 255.0)
    table = np.rint(new * np.where(old > 0, np.arange(256.0) / np.maximum(old, 1), 1.0))
    result: UInt8 = np.minimum(table, 255).astype(np.uint8)
    return result


def contrast_tables(mean: Float64, share: float) -> UInt8:
    """(..., 256) new pixel value by the old one. mean: (..., 1)."""
    tables: UInt8 = np.rint(np.clip(mean + share * (np.arange(256.0) - mean), 0, 255)).astype(
        np.uint8
    )
    return tables


def saturation_table(gain: float) -> Float32:
    """(256, 256) factor on a pixel's differences from its largest value, by that and its smallest."""
    largest, smallest = np.arange(256)[:, None], np.arange(256)
    table: Float32 = np.minimum(gain, largest / np.maximum(largest - smallest, 1)).astype(
        np.float32
    )
    return table


def quantisation_table(bits: float) -> UInt8:
    """(256,) new pixel value by the old one."""
    top = round(2**bits) - 1
    return np.rint(np.rint(np.arange(256.0) / 255 * top) / top * 255).astype(np.uint8)


def _largest(image: UInt8) -> UInt8:
    """(H, W) HSV value."""
    result: UInt8 = np.maximum(np.maximum(image[..., 0], image[..., 1]), image[..., 2])
    return result
