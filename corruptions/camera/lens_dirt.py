"""Dirt on the lens."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from corruptions.frame_like import Float32, FrameLike, UInt8
from corruptions.imaging.each_image import each_image
from corruptions.imaging.linear_light import to_linear, to_pixels
from corruptions.imaging.resample import grow_map
from corruptions.rng import Streams

SPOTS = 60
RADIUS_SPREAD = 0.6
"""Standard deviation of the logarithm of the spots' radii."""
OPAQUE_SHARE = 0.4
OPAQUE, TRANSLUCENT = 0.97, (0.35, 0.7)
"""Share of the light that opaque spots hold back, and translucent ones at least and at most."""
MUD, DUST = (0.20, 0.16, 0.11), (0.95, 0.90, 0.80)
"""Colours of opaque and of translucent spots.

They are the light sent on to the camera, relative to the image's mean light.
"""
SOFTNESS = 0.004
"""Sigma of the spots' edges as a share of the width: they are too near to be sharp."""
CELLS = 200
"""Cells to the width of the grid that spots are drawn on."""


def lens_dirt(frame: FrameLike, dirt_share: float, streams: Streams) -> FrameLike:
    """Put mud and dust on the lenses: opaque and translucent spots.

    They stay where they are in the image for a whole scene. Every camera has 60 irregular spots. 40
    % of them are opaque and dark. The others are a veil that holds back 35 to 70 % of the light and
    adds its own. They grow with the severity in the same places. Blending is in linear light.

    Args:
        frame: Frame to corrupt.
        dirt_share: Share of every image that spots cover. Severities: 0.05, 0.10, 0.15, 0.20, 0.30.
        streams: Random streams of the corruption and frame.

    Source:
        After the occluded lenses of Yu et al., "Benchmarking the Robustness of LiDAR-Camera Fusion
        for 3D Object Detection" (arXiv 2205.14951), who paste photographed masks of dirt. These are
        synthetic.
    """
    return each_image(
        frame, lambda image, camera: add_dirt(image, dirt_share, streams.nested_per_scene(camera))
    )


def add_dirt(image: UInt8, share: float, rng: np.random.Generator) -> UInt8:
    """Render one image behind a lens with dirt.

    Args:
        image: (H, W, 3) uint8 RGB.
        share: Share of the image that spots cover.
        rng: Random generator.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    height, width = image.shape[:2]
    cell = max(1, width // CELLS)
    inside, spot = place_spots(-(-height // cell), -(-width // cell), share, rng)
    opaque = rng.random(SPOTS) < OPAQUE_SHARE
    opacity = np.where(opaque, OPAQUE, rng.uniform(*TRANSLUCENT, SPOTS)).astype(np.float32)
    colour = np.where(opaque[:, None], MUD, DUST).astype(np.float32)
    held = inside * opacity[spot]
    light = to_linear(image)
    added = (held[..., None] * colour[spot]) * light.mean(axis=(0, 1))
    sigma = SOFTNESS * width / cell
    light *= 1 - grow_map(gaussian_filter(held, sigma), cell, height, width)[..., None]
    for channel in range(3):
        light[..., channel] += grow_map(
            gaussian_filter(added[..., channel], sigma), cell, height, width
        )
    return to_pixels(light)


def place_spots(
    rows: int, columns: int, share: float, rng: np.random.Generator
) -> tuple[Float32, np.ndarray[tuple[int, int], np.dtype[np.int64]]]:
    """Place spots, which all grow by the same factor until they cover a share of the image.

    Args:
        rows: Rows of cells.
        columns: Columns of cells.
        share: Share of the cells that spots cover.
        rng: Random generator.

    Returns:
        (rows, columns) float32, 1 within spots and 0 outside; (rows, columns) number of the spot
        that is nearest in terms of its radius.
    """
    place = rng.random((SPOTS, 2)) * (rows, columns)
    radius = columns * rng.lognormal(0.0, RADIUS_SPREAD, SPOTS)
    ragged = (
        1
        + 0.6 * _noise(rows, columns, columns / 80, rng)
        + 0.6 * _noise(rows, columns, columns / 20, rng)
    )
    down, right = np.arange(rows)[:, None], np.arange(columns)
    nearest, spot = np.full((rows, columns), np.inf), np.zeros((rows, columns), np.int64)
    for number in range(SPOTS):
        off = np.hypot(down - place[number, 0], right - place[number, 1]) / radius[number]
        closer = off < nearest
        nearest[closer], spot[closer] = off[closer], number
    nearest *= np.maximum(ragged, 0.1)
    return (nearest < np.quantile(nearest, share)).astype(np.float32), spot


def _noise(rows: int, columns: int, sigma: float, rng: np.random.Generator) -> Float32:
    """Draw smooth noise of standard deviation 0.5."""
    field = gaussian_filter(rng.standard_normal((rows, columns), dtype=np.float32), sigma)
    result: Float32 = field * np.float32(0.5 / max(float(field.std()), 1e-6))
    return result
