"""Conversion between sRGB pixel values and linear light (IEC 61966-2-1), by tables."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import Float32, Float64, UInt8

STEPS = 1 << 14
"""Entries of the table back to pixel values: five for a grey level at the steepest place."""


def decode_srgb(encoded: Float64) -> Float64:
    """Convert sRGB values 0..1 to linear light 0..1."""
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def encode_srgb(linear: Float64) -> Float64:
    """Convert linear light 0..1 to sRGB values 0..1."""
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


LINEAR: Float32 = decode_srgb(np.arange(256) / 255).astype(np.float32)
"""(256,) linear light of every pixel value."""
PIXELS: UInt8 = np.rint(255 * encode_srgb(np.arange(STEPS) / (STEPS - 1))).astype(np.uint8)
"""(STEPS,) pixel value of linear light 0, 1 / (STEPS - 1) ... 1."""


def to_linear(image: UInt8) -> Float32:
    """Convert pixel values to linear light 0..1 of the same shape."""
    return LINEAR[image]


def to_pixels(linear: Float32) -> UInt8:
    """Convert linear light, clipped to 0..1, to the nearest pixel values."""
    index = (np.clip(linear, 0.0, 1.0) * np.float32(STEPS - 1) + np.float32(0.5)).astype(np.uint16)
    pixels: UInt8 = PIXELS[index]
    return pixels
