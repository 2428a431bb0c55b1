"""Sun, sky and air of a scene."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calico.frame import Float32


@dataclass(frozen=True)
class Light:
    """All colours are linear RGB radiances, such that 1 is a well-exposed white.

    sun: (3,) unit vector towards the sun [world]. haze_m: distance over which the air's colour
        gains 63 %.
    lamps: strength of the own headlights and the street lamps, 0 by day.
    """

    name: str
    sun: Float32
    sun_color: Float32
    sky_top: Float32
    sky_horizon: Float32
    haze_m: float
    exposure: float
    noise: float
    lamps: float


def draw_light(rng: np.random.Generator) -> Light:
    """Noon, overcast, low sun, or night."""
    name = str(rng.choice(["clear", "overcast", "low_sun", "night"], p=[0.45, 0.25, 0.18, 0.12]))
    elevation = {
        "clear": rng.uniform(30, 70),
        "overcast": rng.uniform(30, 70),
        "low_sun": rng.uniform(8, 20),
        "night": 40.0,
    }[name]
    azimuth, up = rng.uniform(0, 2 * np.pi), np.deg2rad(elevation)
    sun = np.array([np.cos(azimuth) * np.cos(up), np.sin(azimuth) * np.cos(up), np.sin(up)])
    table: dict[str, tuple[list[float], list[float], list[float]]] = {
        "clear": ([1.9, 1.8, 1.6], [0.25, 0.42, 0.80], [0.68, 0.78, 0.92]),
        "overcast": ([0.15, 0.15, 0.15], [0.72, 0.74, 0.78], [0.85, 0.86, 0.88]),
        "low_sun": ([2.1, 1.35, 0.75], [0.20, 0.30, 0.55], [0.95, 0.70, 0.48]),
        "night": ([0.015, 0.018, 0.025], [0.006, 0.008, 0.016], [0.03, 0.03, 0.04]),
    }
    sun_color, top, horizon = (np.asarray(v) * rng.uniform(0.9, 1.1) for v in table[name])
    haze = float(rng.uniform(60, 150)) if rng.random() < 0.15 else float(rng.uniform(200, 900))
    night = name == "night"
    return Light(
        name,
        sun.astype(np.float32),
        sun_color.astype(np.float32),
        top.astype(np.float32),
        horizon.astype(np.float32),
        haze,
        float(rng.uniform(0.8, 1.15)) * (1.6 if night else 0.85),
        0.02 if night else float(rng.uniform(0.004, 0.010)),
        1.0 if night else 0.0,
    )
