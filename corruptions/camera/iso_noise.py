"""The noise of a sensor at high gain."""

from __future__ import annotations

import numpy as np

from corruptions.camera.pixel_noise import OUTCOMES, pick_outcomes
from corruptions.frame_like import Float64, FrameLike, UInt8
from corruptions.imaging.each_image import each_image
from corruptions.imaging.linear_light import LINEAR, encode_srgb
from corruptions.rng import Streams

WHITE_ELECTRONS_AT_ISO_100 = 10_000.0
"""Full well of a pixel of about 3 um, typical of automotive sensors [electrons]."""
READ_NOISE_ELECTRONS = 2.0


def iso_noise(frame: FrameLike, iso: float, streams: Streams) -> FrameLike:
    """Add the noise of little light behind a high gain, at the exposure as it was.

    A white pixel holds 10,000 photo-electrons at ISO 100, and 10,000 x 100 / ISO at higher speeds.
    A pixel of linear light L reads Poisson(white L) plus normal read noise of 2 electrons (the
    linear camera model of EMVA 1288), independently for every pixel and colour, and is encoded as
    sRGB.

    Args:
        frame: Frame to corrupt.
        iso: ISO speed. Severities: 3200, 6400, 12800, 25600, 51200.
        streams: Random streams of the corruption and frame.

    Source:
        After `iso_noise` of 3D Common Corruptions (Kar et al., CVPR 2022), also in RoboBEV's code:
        Poisson noise of 25 photons plus normal noise of 0.7 x (0.08, 0.12, 0.18, 0.26, 0.38).
        Deviation: it works on pixel values, where noise does not have these laws.
    """
    outcomes = iso_outcomes(iso, streams.per_frame("camera"))
    return each_image(
        frame, lambda image, camera: pick_outcomes(image, outcomes, streams.per_frame(camera))
    )


def iso_outcomes(iso: float, rng: np.random.Generator) -> UInt8:
    """Draw values that pixels of each value may become.

    Args:
        iso: ISO speed.
        rng: Random generator.

    Returns:
        (256, OUTCOMES) uint8.
    """
    electrons, white = draw_electrons(iso, rng)
    return np.rint(255 * encode_srgb(np.clip(electrons / white, 0.0, 1.0))).astype(np.uint8)


def draw_electrons(iso: float, rng: np.random.Generator) -> tuple[Float64, float]:
    """Draw the electrons that a pixel of each value may read out as.

    Args:
        iso: ISO speed.
        rng: Random generator.

    Returns:
        (256, OUTCOMES) electrons, and the electrons of white without noise.
    """
    white = WHITE_ELECTRONS_AT_ISO_100 * 100 / iso
    mean = np.repeat(LINEAR.astype(np.float64)[:, None] * white, OUTCOMES, axis=1)
    return rng.poisson(mean) + rng.normal(0.0, READ_NOISE_ELECTRONS, mean.shape), white
