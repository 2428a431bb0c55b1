"""Drops of water on the lens."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy.special import ndtri

from corruptions.frame_like import Float64, FrameLike, UInt8
from corruptions.imaging.each_image import each_image
from corruptions.imaging.linear_light import to_linear, to_pixels
from corruptions.imaging.warp import sample_bilinear
from corruptions.rng import Streams

RADIUS, RADIUS_SPREAD = 0.012, 0.5
"""Median radius as a share of the image's width, and standard deviation of its logarithm."""
SQUASH = 0.15
"""Drops are up to this much narrower than they are high, or the other way round."""
VIEW = 0.35
"""Half of what a drop shows of the scene, as a share of the image's width."""
RIM = 0.3
"""Part of the radius over which the drop's edge is spread, as it is out of focus."""
COARSE = 100
"""Width of the image that drops show: they show the scene many times smaller [px]."""


def rain_drops(frame: FrameLike, drop_cover: float, streams: Streams) -> FrameLike:
    """Put drops on the lenses that refract, for a whole scene.

    Each drop shows the scene small and upside down. It is a ball lens: a place at d radii from its
    centre shows what is to the other side of it, by 0.35 d / sqrt(1.4 - d^2) of the width. It is
    darker towards its rim, where light is reflected inside, and its edge is out of focus. Larger
    severities add drops.

    Args:
        frame: Frame to corrupt.
        drop_cover: Share of the image's area that the drops cover (the sum of their areas).
            Severities: 0.02, 0.05, 0.10, 0.15, 0.25.
        streams: Random streams of the corruption and frame.

    Source:
        After the drop models of Roser & Geiger (ICCV Workshops 2009) and Porav et al. (ICRA 2019).
        Deviation: no ray tracing through the drop's true shape, and drops do not run.
    """
    return each_image(
        frame, lambda image, camera: add_drops(image, drop_cover, streams.nested_per_scene(camera))
    )


def add_drops(image: UInt8, cover: float, rng: np.random.Generator) -> UInt8:
    """Render one image behind a lens with drops.

    Args:
        image: (H, W, 3) uint8 RGB.
        cover: Share of the image's area that the drops cover.
        rng: Random generator.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    height, width = image.shape[:2]
    small = np.asarray(Image.fromarray(image).reduce(max(1, width // COARSE)))
    result: UInt8 = image.copy()
    for row, column, high, wide in place_drops(height, width, cover, rng):
        top, left = max(0, int(row - high)), max(0, int(column - wide))
        window = result[top : int(row + high) + 2, left : int(column + wide) + 2]
        v = ((np.arange(window.shape[0], dtype=np.float32) + top - row) / high)[:, None]
        u = (np.arange(window.shape[1], dtype=np.float32) + left - column) / wide
        off = np.minimum(np.hypot(v, u), np.float32(1.0))
        reach = np.float32(VIEW * width) / np.sqrt(np.float32(1.4) - off * off)
        place = (
            (row - v * reach) * (len(small) / height),
            (column - u * reach) * (small.shape[1] / width),
        )
        inside = [
            np.clip(p, 0, size - 1.01) for p, size in zip(place, small.shape[:2], strict=True)
        ]
        seen = (
            to_linear(sample_bilinear(small, inside[0], inside[1]))
            * (1 - np.float32(0.7) * off**4)[..., None]
        )
        clean = to_linear(window)
        window[:] = to_pixels(clean + np.clip((1 - off) / RIM, 0, 1)[..., None] * (seen - clean))
    return result


def place_drops(height: int, width: int, cover: float, rng: np.random.Generator) -> Float64:
    """Place drops whose areas add up to a share of the image.

    They are the first ones of a long list that depends on the random stream alone.

    Args:
        height: Height of the image [px].
        width: Width of the image [px].
        cover: Share of the image's area.
        rng: Random generator.

    Returns:
        (n, 4) row, column, half height and half width [px].
    """
    longest = int(np.ceil(2 * cover * height / width / (np.pi * RADIUS**2))) + 1
    row, column, shape, size = rng.random((longest, 4)).T
    radius = RADIUS * width * np.exp(RADIUS_SPREAD * ndtri(size))
    stretch = 1 + SQUASH * (2 * shape - 1)
    found = np.column_stack([row * height, column * width, radius * stretch, radius / stretch])
    count = int(np.searchsorted(np.cumsum(np.pi * radius**2), cover * height * width)) + (cover > 0)
    return found[:count]
