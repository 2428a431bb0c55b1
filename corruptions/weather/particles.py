"""Rain drops and snowflakes in the air: their sizes, fall speeds and extinction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from corruptions.frame_like import Float64

LEAST_RATE_MM_H = 1e-9
"""Rate that stands for no rain or snow, for which the distributions have no limit in numbers."""
SNOW_DENSITY = 0.1
"""Density of a flake (an aggregate) relative to water."""
RAIN_REFLECTANCE = 0.02
"""Fresnel reflection of water (n = 1.33) at right angles, as in LISA."""
SNOW_REFLECTANCE = 0.25
"""2 pi / S with the lidar ratio of ice, S = 25 sr (20 to 30), for Q = 2.

Hahner et al. (CVPR 2022) take 0.9, as for snow that lies. In light snow of 0.5 mm/h this makes a
third of all points false.
"""


@dataclass(frozen=True)
class Particles:
    """Spheres in the air with exponentially distributed diameters: N(D) = n0 exp(-slope D).

    Attributes:
        n0: Number per m^3 of air and mm of diameter, at D = 0.
        slope: Fall of the distribution [1/mm].
        reflectance: Share of the light on its cross-section that a particle sends back like a matt
            surface.
        snow: Whether these are flakes, which fall more slowly than drops.
    """

    n0: float
    slope: float
    reflectance: float
    snow: bool

    @property
    def extinction(self) -> float:
        """Extinction alpha [1/m]: integral of Q pi/4 D^2 N(D) dD = pi n0 / slope^3.

        Q = 2 holds for large particles.
        """
        return float(np.pi * self.n0 / self.slope**3 * 1e-6)

    def larger_than(self, diameter_mm: Float64) -> Float64:
        """Count the particles per m^3 that are larger than a diameter [mm]."""
        result: Float64 = self.n0 / self.slope * np.exp(-self.slope * diameter_mm)
        return result

    def fall_speed(self, diameter_mm: Float64) -> Float64:
        """Compute the fall speed [m/s] of particles of a diameter [mm].

        Rain falls at 9.65 - 10.3 exp(-0.6 D) (Atlas et al. 1973), snow at 1.6 Dm^0.31 with Dm the
        diameter of the melted flake in cm (Langleben 1954).
        """
        if self.snow:
            speed: Float64 = 1.6 * (diameter_mm * SNOW_DENSITY ** (1 / 3) / 10) ** 0.31
            return speed
        return np.maximum(9.65 - 10.3 * np.exp(-0.6 * diameter_mm), 0.0)


def rain_drops(rate_mm_h: float) -> Particles:
    """Return the drops of rain, whose extinction is alpha = 3.65e-4 R^0.63 per metre.

    N(D) = 8000 exp(-4.1 R^-0.21 D). That is within the published laws for optical extinction: 0.248
    R^0.67 per km (Carbonneau & Wisely 1998), 0.2 to 0.4 R^0.63 (Ulbrich & Atlas 1985). The
    visibility is 8 km at 1 mm/h and 450 m at 100 mm/h. Goodin et al. 2019, and with them a variant
    of LISA, take 0.01 R^0.6 per metre, a visibility of 300 m at 1 mm/h. That is 27 times what the
    drops can do, and is not used.

    Args:
        rate_mm_h: Rainfall rate R [mm/h].

    Source:
        Marshall & Palmer 1948.
    """
    rate_mm_h = max(rate_mm_h, LEAST_RATE_MM_H)
    return Particles(8000.0, 4.1 * rate_mm_h**-0.21, RAIN_REFLECTANCE, snow=False)


def snow_flakes(rate_mm_h: float) -> Particles:
    """Return the flakes of snow, by melted diameter: N(Dm) = 3800 R^-0.87 exp(-2.55 R^-0.48 Dm).

    A flake of density 0.1 is 10^(1/3) times as wide as its drop. With it alpha = 3.3e-3 R^0.57 per
    metre, a visibility of 0.9 km at 1 mm/h and 0.54 km at 2.5 mm/h, near the 1/4 mile of heavy snow
    (FMH-1). For dry snow, ITU-R P.1814 has 4 times less at 0.5 mm/h and 1.4 times more at 5 mm/h.
    Observations at one rate differ by a factor of 3 to 10 (Rasmussen et al. 1999).

    Args:
        rate_mm_h: Snowfall rate R as water [mm/h].

    Source:
        Gunn & Marshall 1958.
    """
    rate_mm_h = max(rate_mm_h, LEAST_RATE_MM_H)
    growth = SNOW_DENSITY ** (-1 / 3)
    return Particles(
        3800.0 * rate_mm_h**-0.87 / growth,
        2.55 * rate_mm_h**-0.48 / growth,
        SNOW_REFLECTANCE,
        snow=True,
    )
