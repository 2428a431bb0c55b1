"""Rain and snow for both sensors."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import Float64, FrameLike
from corruptions.rng import Streams
from corruptions.weather.fog_camera import estimate_airlight, fog_image
from corruptions.weather.particles import Particles, rain_drops, snow_flakes
from corruptions.weather.particles_lidar import precipitation_points
from corruptions.weather.range_image import view_image
from corruptions.weather.streaks import cover_image

WIND_M_S = (1.0, 4.0)
"""Of a scene's horizontal wind."""
LAYER_M = 600.0
"""Height of the lowest rain clouds over the road: what falls begins there. An assumption; the sky lies behind it."""


def rain(frame: FrameLike, rate_mm_h: float, streams: Streams) -> FrameLike:
    """Falling rain in camera and LiDAR, from one rate.

    Parameter: the rainfall rate, 5 10 25 50 100 mm/h (moderate to violent). Drops of the Marshall-Palmer distribution; their
    extinction alpha = 3.65e-4 R^0.63 per metre holds for both sensors (`particles`). Images: Koschmieder's law with that alpha,
    and the drops near the camera as streaks (`streaks`), which lean with the scene's wind. LiDAR: weaker, noisier and lost
    echoes, and echoes of drops (`particles_lidar`), after LISA (Kilic et al. 2021). Road and lenses stay dry: add `wet_ground`.
    """
    return _precipitation(frame, rain_drops(rate_mm_h), streams)


def snowfall(frame: FrameLike, rate_mm_h: float, streams: Streams) -> FrameLike:
    """Falling snow in camera and LiDAR, from one rate.

    Parameter: the snowfall rate as water, 0.5 1 2 3 5 mm/h (light to very heavy). Flakes of the Gunn-Marshall distribution and
    of density 0.1; alpha = 3.3e-3 R^0.57 per metre for both sensors (`particles`). Images: Koschmieder's law with that alpha, and
    flakes near the camera (`streaks`). LiDAR: occlusion by flakes, their echoes, lost returns (`particles_lidar`), after
    Hahner et al., CVPR 2022. Nothing lies on the ground.
    """
    return _precipitation(frame, snow_flakes(rate_mm_h), streams)


def _precipitation(frame: FrameLike, particles: Particles, streams: Streams) -> FrameLike:
    wind = scene_wind(streams)
    light = estimate_airlight(frame.images)
    images = []
    for view, image in enumerate(frame.images):
        seen = view_image(frame, view)
        covered = cover_image(
            frame, view, seen.range_m, particles, wind, streams.per_frame(f"camera{view}")
        )
        images.append(
            fog_image(
                image, seen.transmission_through(particles.extinction, LAYER_M), light, covered
            )
        )
    return precipitation_points(
        frame.replace(images=tuple(images)), particles, streams.per_frame("lidar")
    )


def scene_wind(streams: Streams) -> Float64:
    """(3,) [m/s] in the ego frame: the same in all frames of a scene and at every severity."""
    rng = streams.nested_per_scene("wind")
    bearing, speed = rng.uniform(-np.pi, np.pi), rng.uniform(*WIND_M_S)
    return speed * np.array([np.cos(bearing), np.sin(bearing), 0.0])
