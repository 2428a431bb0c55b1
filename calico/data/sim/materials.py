"""What surfaces are made of: how a laser and a camera see them.

LiDAR reflectivities are diffuse albedos near 905 nm in 0..1 (asphalt 0.1-0.2, concrete 0.3-0.4,
foliage 0.4-0.5, car paint 0.1-0.7 with its colour, retroreflectors saturated; the order of
magnitude of Muckenhuber et al., "Automotive Lidar Modelling Approach Based on Material Properties
and Lidar Capabilities", Sensors 2020).
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from calico.frame import Float32


class Material(IntEnum):
    """The index into the tables below."""

    GROUND = 0
    FACADE = 1
    FOLIAGE = 2
    PAINT = 3
    GLASS = 4
    RUBBER = 5
    METAL = 6
    CLOTH = 7
    SKIN = 8
    WOOD = 9
    CONCRETE = 10
    PLASTIC = 11
    RETRO = 12
    LAMP = 13


def _table(values: dict[Material, float]) -> Float32:
    return np.array([values[material] for material in Material], np.float32)


LASER_ALBEDO = _table(
    {
        Material.GROUND: 0.15,
        Material.FACADE: 0.35,
        Material.FOLIAGE: 0.45,
        Material.PAINT: 0.30,
        Material.GLASS: 0.10,
        Material.RUBBER: 0.05,
        Material.METAL: 0.40,
        Material.CLOTH: 0.30,
        Material.SKIN: 0.50,
        Material.WOOD: 0.40,
        Material.CONCRETE: 0.35,
        Material.PLASTIC: 0.40,
        Material.RETRO: 1.00,
        Material.LAMP: 0.60,
    }
)
"""Reflectivity before the colour's influence."""

LASER_LOSS = _table(dict.fromkeys(Material, 0.0) | {Material.GLASS: 0.7, Material.FOLIAGE: 0.15})
"""Share of rays that go through or are mirrored away, whatever the distance."""

LASER_SPREAD_M = _table(
    dict.fromkeys(Material, 0.0) | {Material.FOLIAGE: 0.15, Material.CLOTH: 0.01}
)
"""Additional standard deviation of the range, where the surface is not one [m]."""

GLOSS = _table(
    dict.fromkeys(Material, 0.0) | {Material.GLASS: 0.9, Material.PAINT: 0.35, Material.METAL: 0.25}
)
"""Share of the sky's mirror image in the colour at grazing incidence; 15 % of it head-on."""

GRAIN = _table(
    dict.fromkeys(Material, 0.05)
    | {
        Material.GROUND: 0.14,
        Material.FOLIAGE: 0.45,
        Material.FACADE: 0.10,
        Material.CLOTH: 0.15,
        Material.GLASS: 0.0,
    }
)
"""Amplitude of the brightness noise on the surface."""
