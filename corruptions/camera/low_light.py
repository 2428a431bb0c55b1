"""A dark scene seen by a noisy sensor."""

from __future__ import annotations

import numpy as np

from corruptions.camera.pixel_noise import OUTCOMES, pick_outcomes
from corruptions.frame_like import Float64, FrameLike, UInt8
from corruptions.imaging.each_image import each_image
from corruptions.imaging.linear_light import LINEAR, encode_srgb
from corruptions.rng import Streams

WHITE_ELECTRONS = 10_000.0
"""Photo-electrons of a white pixel before the light falls.

It is the full well of a pixel of about 3 um.
"""
READ_NOISE_ELECTRONS = 4.0


def low_light(frame: FrameLike, light_scale: float, streams: Streams) -> FrameLike:
    """Take light away at the same exposure: dark, low in contrast, with photon and read noise.

    A pixel of linear light L had n = 10,000 L photo-electrons, of which Binomial(n, share) are
    left. That is the photon noise which the loss adds, and none is added to what is not lost. Read
    noise of 4 electrons comes with it, less what the image already had: 4 sqrt(1 - share^2). The
    result is encoded as sRGB. At a share of 1 the image stays as it is.

    Args:
        frame: Frame to corrupt.
        light_scale: Share of the scene's light that is left, in linear light. Severities: 0.14,
            0.10, 0.07, 0.04, 0.023 (2.8 to 5.4 stops).
        streams: Random streams of the corruption and frame.

    Source:
        The levels are as dark as `low_light` in 3D Common Corruptions (Kar et al., CVPR 2022) at
        its 0.6, 0.5, 0.4, 0.3, 0.2, which scale the square of the pixel values. That leaves these
        shares of the linear light of street images. The noise is the linear camera model of EMVA
        1288.
    """
    outcomes = low_light_outcomes(light_scale, streams.per_frame("camera"))
    return each_image(
        frame, lambda image, camera: pick_outcomes(image, outcomes, streams.per_frame(camera))
    )


def low_light_outcomes(light_scale: float, rng: np.random.Generator) -> UInt8:
    """Draw values that pixels of each value may become.

    Args:
        light_scale: Share of the light that is left.
        rng: Random generator.

    Returns:
        (256, OUTCOMES) uint8.
    """
    electrons = draw_electrons(light_scale, rng)
    encoded = encode_srgb(np.clip(electrons / WHITE_ELECTRONS, 0.0, 1.0))
    return np.rint(255 * encoded).astype(np.uint8)


def draw_electrons(light_scale: float, rng: np.random.Generator) -> Float64:
    """Draw the electrons that a pixel of each value may read out as.

    Args:
        light_scale: Share of the light that is left.
        rng: Random generator.

    Returns:
        (256, OUTCOMES) electrons.
    """
    before = np.rint(LINEAR.astype(np.float64) * WHITE_ELECTRONS).astype(np.int64)
    left = rng.binomial(np.repeat(before[:, None], OUTCOMES, axis=1), light_scale)
    read_noise = READ_NOISE_ELECTRONS * np.sqrt(1 - light_scale**2)
    electrons: Float64 = left + rng.normal(0.0, read_noise, left.shape)
    return electrons
