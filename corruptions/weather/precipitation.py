"""Rain and snow for cameras and LiDAR."""

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
"""Least and greatest speed of a scene's horizontal wind [m/s]."""
LAYER_M = 600.0
"""Height of the lowest rain clouds over the road [m].

This is an assumption. What falls begins there, and the sky lies behind it.
"""


def rain(frame: FrameLike, rate_mm_h: float, streams: Streams) -> FrameLike:
    """Add falling rain to cameras and LiDAR, from one rate.

    Drops follow the Marshall-Palmer distribution. Their extinction alpha = 3.65e-4 R^0.63 per metre
    holds for both sensors (`particles`). Images get Koschmieder's law with that alpha, and the
    drops near the camera as streaks (`streaks`), which lean with the scene's wind. The LiDAR gets
    weaker, noisier and lost echoes, and echoes of drops (`particles_lidar`). Road and lenses stay
    dry: combine it with `wet_ground`.

    Args:
        frame: Frame to corrupt.
        rate_mm_h: Rainfall rate [mm/h]. Severities: 5, 10, 25, 50, 100 (moderate to violent).
        streams: Random streams of the corruption and frame.

    Source:
        Marshall & Palmer 1948; LISA, Kilic et al. 2021; Garg & Nayar, IJCV 2007.
    """
    return _precipitation(frame, rain_drops(rate_mm_h), streams)


def snowfall(frame: FrameLike, rate_mm_h: float, streams: Streams) -> FrameLike:
    """Add falling snow to cameras and LiDAR, from one rate.

    Flakes follow the Gunn-Marshall distribution and have the density 0.1. Their extinction alpha =
    3.3e-3 R^0.57 per metre holds for both sensors (`particles`). Images get Koschmieder's law with
    that alpha, and flakes near the camera (`streaks`). The LiDAR gets occlusion by flakes, their
    echoes, and lost returns (`particles_lidar`). Nothing lies on the ground.

    Args:
        frame: Frame to corrupt.
        rate_mm_h: Snowfall rate as water [mm/h]. Severities: 0.5, 1, 2, 3, 5 (light to very heavy).
        streams: Random streams of the corruption and frame.

    Source:
        Gunn & Marshall 1958; Hahner et al., CVPR 2022.
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
    """Draw the wind (3,) [m/s, ego frame] of a scene, the same at every severity."""
    rng = streams.nested_per_scene("wind")
    bearing, speed = rng.uniform(-np.pi, np.pi), rng.uniform(*WIND_M_S)
    return speed * np.array([np.cos(bearing), np.sin(bearing), 0.0])
