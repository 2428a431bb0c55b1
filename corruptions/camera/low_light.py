"""A dark scene seen by a noisy sensor."""

from __future__ import annotations

import numpy as np

from corruptions.camera.each import each_image
from corruptions.camera.light import LINEAR, encode
from corruptions.camera.pixel_noise import OUTCOMES, deal
from corruptions.frame_like import Float64, FrameLike, UInt8
from corruptions.rng import Streams

WHITE_ELECTRONS = 1000.0
"""Photo-electrons of a white pixel before the light falls: a small pixel at high gain."""
READ_NOISE_ELECTRONS = 4.0
TONE_GAMMA = 2.0


def low_light(frame: FrameLike, light_scale: float, streams: Streams) -> FrameLike:
    """Less light at the same exposure: dark, low in contrast, with photon and read noise.

    Parameter: the scene's light relative to before, in linear light, 0.6 0.5 0.4 0.3 0.2. A pixel of linear light L collects
    Poisson(scale * L * 1000) photo-electrons plus normal read noise of 4; the result is encoded as sRGB and goes through
    a tone curve of gamma 2, which darkens the shadows. Values: the `low_light` of 3D Common Corruptions (Kar et al., CVPR
    2022: 0.6 .. 0.2, gamma 2). Deviation: it scales pixel values; here light is scaled and noise is drawn where both
    are physical, in linear light. Images get as dark as its own (within 12 % at mid grey: 128 becomes 40 33 27 20 13), so
    severity 1 is dark already; 0.8 to 1 by the parameter is less so.
    """
    bank = low_light_bank(light_scale, streams.frame("camera"))
    return each_image(frame, lambda image, camera: deal(image, bank, streams.frame(camera)))


def low_light_bank(light_scale: float, rng: np.random.Generator) -> UInt8:
    """(256, OUTCOMES) draws of what pixels of each value may become."""
    electrons = noisy_electrons(light_scale, rng)
    encoded = encode(np.clip(electrons / WHITE_ELECTRONS, 0.0, 1.0)) ** TONE_GAMMA
    return np.rint(255 * encoded).astype(np.uint8)


def noisy_electrons(light_scale: float, rng: np.random.Generator) -> Float64:
    """(256, OUTCOMES) electrons that a pixel of each value may read out as."""
    mean = np.repeat(light_scale * LINEAR.astype(np.float64)[:, None] * WHITE_ELECTRONS, OUTCOMES, axis=1)
    return rng.poisson(mean) + rng.normal(0.0, READ_NOISE_ELECTRONS, mean.shape)
