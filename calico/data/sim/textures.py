"""Procedural textures: paint on the ground, windows in the walls, grain on everything."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from calico.data.sim.map_raster import BIT, GroundMap
from calico.data.sim.materials import GRAIN, Material
from calico.data.sim.raycast import Hits
from calico.frame import Bool, Float32, Int64
from calico.seeds import make_generator

PANE = np.array([0.05, 0.065, 0.085], np.float32)
FRAME = np.array([0.6, 0.6, 0.58], np.float32)
_NOISE_CELLS = 256

GROUND_COLORS = {
    "": (0.10, 0.12, 0.055),
    "drivable_area": (0.095, 0.095, 0.10),
    "carpark_area": (0.13, 0.13, 0.135),
    "walkway": (0.34, 0.32, 0.30),
    "white": (0.75, 0.75, 0.73),
    "yellow": (0.70, 0.50, 0.06),
}
"""Linear RGB of the ground, later ones painted over earlier ones."""


@lru_cache(maxsize=1)
def _noise() -> Float32:
    """A tile of smooth and fine noise, mean 0, about unit variance."""
    rng = make_generator(0, "sim", "texture")
    tile = np.zeros((_NOISE_CELLS, _NOISE_CELLS))
    for cells, weight in ((8, 0.8), (32, 0.7), (128, 0.7), (256, 0.7)):
        coarse = rng.standard_normal((cells, cells))
        tile += weight * np.kron(coarse, np.ones((_NOISE_CELLS // cells, _NOISE_CELLS // cells)))
    result: Float32 = (tile / tile.std()).astype(np.float32)
    return result


@lru_cache(maxsize=1)
def _ground_table() -> Float32:
    """(256, 3) colour of every combination of map bits."""
    table = np.tile(np.asarray(GROUND_COLORS[""], np.float32), (256, 1))
    bits = np.arange(256)
    for name in list(GROUND_COLORS)[1:]:
        table[(bits & BIT[name]) > 0] = GROUND_COLORS[name]
    return table


def surface_color(ground: GroundMap, hits: Hits, xyz: Float32) -> Float32:
    """Compute the albedo of what was hit: the face's colour with paint, windows and grain.

    Args:
        ground: Map of the ground, for its paint.
        hits: What the rays met.
        xyz: (R, 3) places of the hits [m, world].

    Returns:
        (R, 3) albedo.
    """
    albedo = hits.color.copy()
    floor = np.flatnonzero(hits.material == Material.GROUND)
    albedo[floor] = _ground_table()[ground.lookup(xyz[floor, :2])]
    walls = _walls(hits)
    pane, frame, _ = _windows(hits.normal[walls], hits.color[walls], xyz[walls])
    albedo[walls[pane]] = PANE
    albedo[walls[frame]] = FRAME
    tile = _noise()
    across = xyz[:, 0] + 0.7 * xyz[:, 2]
    along = xyz[:, 1] - 0.6 * xyz[:, 2]
    ix = np.floor(across * 10).astype(np.int64) % _NOISE_CELLS
    iy = np.floor(along * 10).astype(np.int64) % _NOISE_CELLS
    grain = np.clip(1 + GRAIN[hits.material] * tile[iy, ix], 0.2, 2.0)
    result: Float32 = albedo * grain[:, None]
    return result


def lit_windows(hits: Hits, xyz: Float32) -> Int64:
    """Find the rays that meet a window with light behind it, which is about one in four.

    Args:
        hits: What the rays met.
        xyz: (R, 3) places of the hits [m, world].

    Returns:
        Indices of the rays.
    """
    walls = _walls(hits)
    pane, _, number = _windows(hits.normal[walls], hits.color[walls], xyz[walls])
    return walls[pane & (number % 101 < 25)]


def _walls(hits: Hits) -> Int64:
    return np.flatnonzero((hits.material == Material.FACADE) & (np.abs(hits.normal[:, 2]) < 0.5))


def _windows(normal: Float32, color: Float32, xyz: Float32) -> tuple[Bool, Bool, Int64]:
    """Masks of panes and of their frames, and a number for every window.

    Size and spacing follow from the facade's colour, so that houses differ.
    """
    style = np.floor(color.sum(axis=1) * 97) % 5
    along = xyz[:, 1] * normal[:, 0] - xyz[:, 0] * normal[:, 1]
    pitch, floor_m = 2.2 + 0.5 * style, 2.9 + 0.15 * style
    column, row = np.floor(along / pitch), np.floor(xyz[:, 2] / floor_m)
    u, v = along / pitch - column, xyz[:, 2] / floor_m - row
    window = (np.abs(u - 0.5) < 0.18 + 0.03 * style) & (v > 0.32) & (v < 0.80)
    frame = window & ((np.abs(u - 0.5) > 0.15 + 0.03 * style) | (v > 0.76))
    number = np.abs(column.astype(np.int64) * 7919 + row.astype(np.int64) * 104729)
    return window & ~frame, frame, number
