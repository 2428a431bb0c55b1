"""Rain drops and snowflakes in the air: how many of which size, how fast they fall, how much light they take away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from corruptions.frame_like import Float64

LEAST_RATE_MM_H = 1e-9
"""Stands for no rain or snow at all, for which the distributions have no limit in numbers; nothing is seen of it."""
SNOW_DENSITY = 0.1
"""Of a flake, relative to water: aggregates."""
RAIN_REFLECTANCE = 0.02
"""Fresnel reflection of water (n = 1.33) at right angles, as in LISA."""
SNOW_REFLECTANCE = 0.25
"""2 pi / S with the lidar ratio of ice, S = 25 sr (20 to 30), for Q = 2. Hahner et al. (CVPR 2022) take 0.9, as for snow that
lies, which makes a third of all points false in light snow of 0.5 mm/h."""


@dataclass(frozen=True)
class Particles:
    """Spheres in the air with exponentially distributed diameters: N(D) = n0 exp(-slope D).

    n0: number per m^3 of air and mm of diameter, at D = 0. slope: per mm.
    reflectance: share of the light on its cross-section that a particle sends back like a matt surface.
    snow: flakes, not drops: decides the fall speed.
    """

    n0: float
    slope: float
    reflectance: float
    snow: bool

    @property
    def extinction(self) -> float:
        """alpha [1/m] = integral of Q pi/4 D^2 N(D) dD = pi n0 / slope^3, with Q = 2: large particles."""
        return float(np.pi * self.n0 / self.slope**3 * 1e-6)

    def larger_than(self, diameter_mm: Float64) -> Float64:
        """How many per m^3 are larger than that."""
        result: Float64 = self.n0 / self.slope * np.exp(-self.slope * diameter_mm)
        return result

    def fall_speed(self, diameter_mm: Float64) -> Float64:
        """[m/s] of particles of that diameter.

        Rain: 9.65 - 10.3 exp(-0.6 D) (Atlas et al. 1973). Snow: 1.6 Dm^0.31, Dm the diameter of the melted flake in cm
        (Langleben 1954).
        """
        if self.snow:
            speed: Float64 = 1.6 * (diameter_mm * SNOW_DENSITY ** (1 / 3) / 10) ** 0.31
            return speed
        return np.maximum(9.65 - 10.3 * np.exp(-0.6 * diameter_mm), 0.0)


def rain_drops(rate_mm_h: float) -> Particles:
    """Marshall & Palmer 1948: N(D) = 8000 exp(-4.1 R^-0.21 D), so alpha = 3.65e-4 R^0.63 per metre.

    That is within the published laws for optical extinction: 0.248 R^0.67 per km (Carbonneau & Wisely 1998), 0.2 to 0.4 R^0.63
    (Ulbrich & Atlas 1985): a visibility of 8 km at 1 mm/h and 450 m at 100 mm/h. Goodin et al. 2019, and with them a variant
    of LISA, take 0.01 R^0.6 per metre, a visibility of 300 m at 1 mm/h: 27 times what the drops can do; not used.
    """
    rate_mm_h = max(rate_mm_h, LEAST_RATE_MM_H)
    return Particles(8000.0, 4.1 * rate_mm_h**-0.21, RAIN_REFLECTANCE, snow=False)


def snow_flakes(rate_mm_h: float) -> Particles:
    """Gunn & Marshall 1958, for melted flakes: N(Dm) = 3800 R^-0.87 exp(-2.55 R^-0.48 Dm), R in mm/h of water.

    A flake of density 0.1 is 10^(1/3) times as wide as its drop: alpha = 3.3e-3 R^0.57 per metre, a visibility of 0.9 km at
    1 mm/h and 0.54 km at 2.5 mm/h, near the 1/4 mile of heavy snow (FMH-1). ITU-R P.1814 has 4 times less at 0.5 mm/h and 1.4
    times more at 5 mm/h for dry snow; observations at one rate differ by a factor of 3 to 10 (Rasmussen et al. 1999).
    """
    rate_mm_h = max(rate_mm_h, LEAST_RATE_MM_H)
    growth = SNOW_DENSITY ** (-1 / 3)
    return Particles(
        3800.0 * rate_mm_h**-0.87 / growth,
        2.55 * rate_mm_h**-0.48 / growth,
        SNOW_REFLECTANCE,
        snow=True,
    )
