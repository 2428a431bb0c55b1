"""Light on a wet road: reflected by the water, or through it to the road and back."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import Float64

WATER_INDEX = 1.33
TEXTURE_MM = 1.2
"""Depth of the road's texture: a film this thick covers all of it (Hahner et al., CVPR 2022: coarse pavement 0.6 to 1.2 mm)."""
ROAD_ALBEDO = 0.15
"""Of dry asphalt."""
INTERNAL_REFLECTANCE = 0.48
"""Of diffuse light from within water at its surface, mostly total reflection (Lekner & Dorf 1988)."""
DIFFUSE_REFLECTANCE = 0.066
"""Of diffuse light from above at the surface of water (Lekner & Dorf 1988)."""


def covered_share(film_mm: float) -> float:
    """Share of the road under water: film / TEXTURE_MM, at most 1 (Hahner et al., CVPR 2022)."""
    return min(film_mm / TEXTURE_MM, 1.0)


def fresnel_reflectance(cosine: Float64) -> Float64:
    """Reflectance of the surface of water for unpolarised light; cosine of the angle to its normal."""
    inside = np.sqrt(1 - (1 - cosine**2) / WATER_INDEX**2)
    across = (cosine - WATER_INDEX * inside) / (cosine + WATER_INDEX * inside)
    along = (WATER_INDEX * cosine - inside) / (WATER_INDEX * cosine + inside)
    return (across**2 + along**2) / 2


def wet_darkening(entering: Float64 | float, leaving: Float64) -> Float64:
    """Brightness of the road under water relative to the dry road, without the mirror image on the water.

    t_in t_out / n^2 / (1 - albedo * INTERNAL_REFLECTANCE): what comes in and goes out is spread over a wider angle on the way
    out, and goes to and fro below the surface (Lekner & Dorf, Applied Optics 1988). The laser enters and leaves at one angle;
    for cameras the light enters from the whole sky.

    entering, leaving: transmittances of the surface, 0..1.
    """
    return entering * leaving / WATER_INDEX**2 / (1 - ROAD_ALBEDO * INTERNAL_REFLECTANCE)
