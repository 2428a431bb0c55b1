"""Noise on pixel values with the distributions and constants of ImageNet-C.

All of it is independent for every pixel and colour. It is added to sRGB values, as there. Noise of
a sensor, in linear light, is `iso_noise` and `low_light`. The distributions are resolved to 1/4096
(`pixel_noise.pick_outcomes`). ImageNet-C is Hendrycks & Dietterich, ICLR 2019.
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from corruptions.camera.pixel_noise import OUTCOMES, pick_outcomes
from corruptions.frame_like import Float64, FrameLike, UInt8
from corruptions.imaging.each_image import each_image
from corruptions.rng import Streams

SHARES: Float64 = (np.arange(OUTCOMES) + 0.5) / OUTCOMES
"""The distribution's share below each outcome."""
VALUES: Float64 = np.arange(256.0)[:, None]


def gaussian_noise(frame: FrameLike, gaussian_sigma: float, streams: Streams) -> FrameLike:
    """Add normal noise, the same at all pixel values.

    Args:
        frame: Frame to corrupt.
        gaussian_sigma: Standard deviation as a share of white. Severities: 0.08, 0.12, 0.18, 0.26,
            0.38.
        streams: Random streams of the corruption and frame.

    Source:
        ImageNet-C, gaussian noise. nuScenes-C (Dong et al., CVPR 2023) has the same for its camera.
    """
    return _with_noise(
        frame, gaussian_outcomes(gaussian_sigma, streams.per_frame("camera")), streams
    )


def uniform_noise(frame: FrameLike, uniform_half_width: float, streams: Streams) -> FrameLike:
    """Add uniform noise, the same at all pixel values.

    Args:
        frame: Frame to corrupt.
        uniform_half_width: Largest change as a share of white. Severities: 0.08, 0.12, 0.18, 0.26,
            0.38.
        streams: Random streams of the corruption and frame.

    Source:
        nuScenes-C (Dong et al., CVPR 2023), uniform noise of its camera.
    """
    return _with_noise(
        frame, uniform_outcomes(uniform_half_width, streams.per_frame("camera")), streams
    )


def speckle_noise(frame: FrameLike, speckle_sigma: float, streams: Streams) -> FrameLike:
    """Add normal noise in proportion to the pixel value, so that black stays black.

    Args:
        frame: Frame to corrupt.
        speckle_sigma: Standard deviation as a share of the value. Severities: 0.15, 0.20, 0.35,
            0.45, 0.60.
        streams: Random streams of the corruption and frame.

    Source:
        ImageNet-C, speckle noise.
    """
    return _with_noise(frame, speckle_outcomes(speckle_sigma, streams.per_frame("camera")), streams)


def shot_noise(frame: FrameLike, white_photons: float, streams: Streams) -> FrameLike:
    """Add the Poisson noise of few photons: a value v becomes 255 / n Poisson(n v / 255).

    Args:
        frame: Frame to corrupt.
        white_photons: Number n of photons that a white pixel counts. Severities: 60, 25, 12, 5, 3.
        streams: Random streams of the corruption and frame.

    Source:
        ImageNet-C, shot noise.
    """
    return _with_noise(frame, shot_outcomes(white_photons, streams.per_frame("camera")), streams)


def impulse_noise(frame: FrameLike, impulse_share: float, streams: Streams) -> FrameLike:
    """Add salt and pepper: values that are stuck at white or black, each colour by itself.

    Args:
        frame: Frame to corrupt.
        impulse_share: Share of all pixel values that are hit, half of them white, half black.
            Severities: 0.03, 0.06, 0.09, 0.17, 0.27.
        streams: Random streams of the corruption and frame.

    Source:
        ImageNet-C, impulse noise. nuScenes-C has the same for its camera.
    """
    half = impulse_draws(impulse_share)

    def hit(image: UInt8, camera: str) -> UInt8:
        draw = streams.per_frame(camera).integers(0, 65536, image.shape, dtype=np.uint16)
        result = np.where(draw < half, np.uint8(0), image)
        result[draw >= 65536 - half] = 255
        return result

    return each_image(frame, hit)


def impulse_draws(impulse_share: float) -> int:
    """Count how many of the 65536 values of a draw make black, and as many white."""
    return round(impulse_share / 2 * 65536)


def gaussian_outcomes(sigma: float, rng: np.random.Generator) -> UInt8:
    """Return the distribution's quantiles as values that pixels of each value may become.

    Args:
        sigma: Standard deviation as a share of white.
        rng: Random generator (not used, as nothing is drawn).

    Returns:
        (256, OUTCOMES) uint8.
    """
    return _to_pixels(VALUES + 255 * sigma * ndtri(SHARES))


def uniform_outcomes(half_width: float, rng: np.random.Generator) -> UInt8:
    """Return the outcomes of uniform noise, as `gaussian_outcomes`.

    Args:
        half_width: Largest change as a share of white.
        rng: Random generator (not used).
    """
    return _to_pixels(VALUES + 255 * half_width * (2 * SHARES - 1))


def speckle_outcomes(sigma: float, rng: np.random.Generator) -> UInt8:
    """Return the outcomes of speckle noise, as `gaussian_outcomes`.

    Args:
        sigma: Standard deviation as a share of the pixel value.
        rng: Random generator (not used).
    """
    return _to_pixels(VALUES * (1 + sigma * ndtri(SHARES)))


def shot_outcomes(white_photons: float, rng: np.random.Generator) -> UInt8:
    """Draw values that pixels of each value may become.

    Args:
        white_photons: Number of photons that a white pixel counts.
        rng: Random generator.

    Returns:
        (256, OUTCOMES) uint8.
    """
    mean = np.repeat(VALUES / 255 * white_photons, OUTCOMES, axis=1)
    return _to_pixels(rng.poisson(mean).astype(np.float64) * (255 / white_photons))


def _to_pixels(outcomes: Float64) -> UInt8:
    """Clip and round outcomes on the scale 0..255."""
    return np.rint(np.clip(outcomes, 0, 255)).astype(np.uint8)


def _with_noise(frame: FrameLike, outcomes: UInt8, streams: Streams) -> FrameLike:
    return each_image(
        frame, lambda image, camera: pick_outcomes(image, outcomes, streams.per_frame(camera))
    )
