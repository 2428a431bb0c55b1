"""Ice on the lens."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates
from scipy.spatial import cKDTree

from corruptions.frame_like import Float32, Float64, FrameLike, UInt8
from corruptions.imaging.each_image import each_image
from corruptions.imaging.linear_light import to_linear, to_pixels
from corruptions.imaging.resample import grow_map, shrink_image
from corruptions.rng import Streams

CRYSTALS = 90
BRANCH = np.pi / 3
"""Angle of an ice crystal's branches to its axis [rad]: water ice is hexagonal."""
NEEDLES = 1 / 330, 1 / 22
"""Spacing and length of the needles as shares of the width."""
BEND = 0.008
"""How far crystals are bent, as a share of the width."""
CELLS = 533
"""Cells to the image's width of the grid that the ice is grown on."""
CLEAR, BLUR = 0.3, 0.01
"""Share of the light that goes through ice, and sigma of its blur as a share of the width."""
RIM = 0.6
"""How gradually the ice becomes thicker from its rim inwards.

It is in units of the thickness of `grow_ice`. Little ice has a narrower rim.
"""
RELIEF = 0.16
"""Light that the needles scatter beyond that of the milky ice between them."""
COLOUR = np.array([0.90, 0.97, 1.06])
"""Colour of the ice, relative to the light around."""


def frost(frame: FrameLike, ice_cover: float, streams: Streams) -> FrameLike:
    """Cover the lenses with feathers of ice, from the edges inwards, the same for a whole scene.

    At a larger severity the same ice has grown. The ice is synthetic, not photographed: a milky
    film that becomes thicker from its rim inwards, with fine crystals of an axis and branches at 60
    degrees that are a little brighter at their needles. At its thickest it sends on 30 % of the
    light, blurred, and scatters light of the whole scene, in linear light.

    Args:
        frame: Frame to corrupt.
        ice_cover: Share of the image that ice covers. Severities: 0.2, 0.35, 0.5, 0.65, 0.8.
        streams: Random streams of the corruption and frame.

    Source:
        After ImageNet-C (Hendrycks & Dietterich, ICLR 2019), frost. It adds one of its photographs
        of frosted glass to pixel values: 1, 0.8, 0.7, 0.65, 0.6 of the image plus 0.4, 0.6, 0.7,
        0.7, 0.75 of the photograph.
    """
    return each_image(
        frame, lambda image, camera: add_ice(image, ice_cover, streams.nested_per_scene(camera))
    )


def add_ice(image: UInt8, cover: float, rng: np.random.Generator) -> UInt8:
    """Render one image behind a lens with ice.

    Args:
        image: (H, W, 3) uint8 RGB.
        cover: Share of the image that ice covers.
        rng: Random generator.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    height, width = image.shape[:2]
    cell = max(1, width // CELLS)
    coarse = to_linear(shrink_image(image, cell))
    needles = draw_needles(coarse.shape[0], coarse.shape[1], rng)
    ice = grow_ice(needles, cover, rng)
    around = coarse.mean(axis=(0, 1))
    behind = gaussian_filter(coarse, (BLUR * width / cell, BLUR * width / cell, 0), mode="nearest")
    relief = 1.4 + RELIEF * (needles - needles.mean()) / max(float(needles.std()), 1e-6)
    scattered = (relief[..., None] * (around.mean() * COLOUR)).astype(np.float32)
    seen = ice[..., None] * (np.float32(CLEAR) * behind + np.float32(1 - CLEAR) * scattered)
    light = to_linear(image)
    light *= 1 - grow_map(ice, cell, height, width)[..., None]
    for channel in range(3):
        light[..., channel] += grow_map(
            np.ascontiguousarray(seen[..., channel]), cell, height, width
        )
    return to_pixels(light)


def grow_ice(needles: Float32, cover: float, rng: np.random.Generator) -> Float32:
    """Grow ice from the image's edges, in patches, along the needles.

    Args:
        needles: (h, w) 0..1 crystals, from `draw_needles`.
        cover: Share of the cells that ice covers.
        rng: Random generator.

    Returns:
        (h, w) float32 0..1, how much ice a cell has.
    """
    h, w = needles.shape
    v, u = abs(np.arange(h) / h - 0.5)[:, None], abs(np.arange(w) / w - 0.5)
    patches = gaussian_filter(rng.standard_normal((h, w), dtype=np.float32), w / 16, mode="reflect")
    thickness = (
        2.5 * np.maximum(v, u) + 0.35 * patches / max(float(patches.std()), 1e-6) + 0.35 * needles
    )
    edge = np.quantile(thickness, 1 - cover)
    rim = max(RIM * min(cover / 0.2, 1.0), 1e-6)
    result: Float32 = np.clip((thickness - edge) / rim + 0.5, 0.0, 1.0).astype(np.float32)
    return result


def draw_needles(h: int, w: int, rng: np.random.Generator) -> Float32:
    """Draw a pane full of crystals, whose needles branch off their axes to both sides.

    Every cell belongs to the nearest crystal.

    Args:
        h: Rows of cells.
        w: Columns of cells.
        rng: Random generator.

    Returns:
        (h, w) float32, 0..1.
    """
    seeds = rng.random((CRYSTALS, 2)) * (h, w)
    axis = rng.uniform(0, 2 * np.pi, CRYSTALS)
    bent = [BEND * w * _smooth(h, w, w / 40, rng) for _ in range(2)]
    v, u = np.arange(h)[:, None] + bent[0], np.arange(w) + bent[1]
    crystal = cKDTree(seeds).query(np.stack([v, u], axis=-1), workers=1)[1]
    down, right = v - seeds[crystal, 0], u - seeds[crystal, 1]
    angle = axis[crystal]
    across = down * np.cos(angle) - right * np.sin(angle)
    branch = angle + np.sign(across) * BRANCH
    ridges = [_needles(down, right, direction, crystal, rng) for direction in (branch, angle)]
    return np.maximum(ridges[0], 0.8 * ridges[1]).astype(np.float32)


def _needles(
    down: Float64, right: Float64, direction: Float64, crystal: Float64, rng: np.random.Generator
) -> Float64:
    """Draw noise (h, w) 0..1 that is drawn out along a direction."""
    along = (right * np.cos(direction) + down * np.sin(direction)) / (NEEDLES[1] * down.shape[1])
    across = (down * np.cos(direction) - right * np.sin(direction)) / (NEEDLES[0] * down.shape[1])
    noise = rng.random((256, 256), dtype=np.float32)
    places = np.stack([along + 37.0 * crystal, across + 91.0 * crystal])
    result: Float64 = map_coordinates(noise, places, order=1, mode="grid-wrap") ** 2
    return result


def _smooth(h: int, w: int, sigma: float, rng: np.random.Generator) -> Float32:
    field = gaussian_filter(rng.standard_normal((h, w), dtype=np.float32), sigma, mode="reflect")
    result: Float32 = field / max(float(field.std()), 1e-6)
    return result
