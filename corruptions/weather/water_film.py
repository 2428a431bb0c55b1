"""Light on a wet road: reflected by the water, or sent through it to the road and back."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import Float64

WATER_INDEX = 1.33
TEXTURE_MM = 1.2
"""Depth of the road's texture [mm]: a film this thick covers all of it.

Hahner et al. (CVPR 2022) give 0.6 to 1.2 mm for coarse pavement.
"""
ROAD_ALBEDO = 0.15
"""Albedo of dry asphalt."""
INTERNAL_REFLECTANCE = 0.48
"""Reflectance of water's surface for diffuse light from within (Lekner & Dorf 1988).

Most of it is total reflection.
"""
DIFFUSE_REFLECTANCE = 0.066
"""Reflectance of water's surface for diffuse light from above (Lekner & Dorf 1988)."""


def covered_share(film_mm: float) -> float:
    """Compute the share of the road under water: film / TEXTURE_MM, at most 1.

    Source:
        Hahner et al., CVPR 2022.
    """
    return min(film_mm / TEXTURE_MM, 1.0)


def fresnel_reflectance(cosine: Float64) -> Float64:
    """Compute the reflectance of water's surface for unpolarised light.

    Args:
        cosine: Cosine of the angle to the surface's normal.
    """
    inside = np.sqrt(1 - (1 - cosine**2) / WATER_INDEX**2)
    across = (cosine - WATER_INDEX * inside) / (cosine + WATER_INDEX * inside)
    along = (WATER_INDEX * cosine - inside) / (WATER_INDEX * cosine + inside)
    return (across**2 + along**2) / 2


def wet_darkening(entering: Float64 | float, leaving: Float64) -> Float64:
    """Compute the brightness of the road under water relative to the dry road.

    The mirror image on the water is not part of it. The value is t_in t_out / n^2 / (1 - albedo
    INTERNAL_REFLECTANCE): light is spread over a wider angle on the way out, and goes to and fro
    below the surface. The laser enters and leaves at one angle. For cameras the light enters from
    the whole sky.

    Args:
        entering: Transmittance of the surface on the way in, 0..1.
        leaving: Transmittance of the surface on the way out, 0..1.

    Source:
        Lekner & Dorf, Applied Optics 1988.
    """
    return entering * leaving / WATER_INDEX**2 / (1 - ROAD_ALBEDO * INTERNAL_REFLECTANCE)
