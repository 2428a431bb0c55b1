"""Fog for cameras and LiDAR."""

from __future__ import annotations

import math

from corruptions.frame_like import FrameLike
from corruptions.rng import Streams
from corruptions.weather.fog_camera import estimate_airlight, fog_image
from corruptions.weather.fog_lidar import fog_points
from corruptions.weather.range_image import view_image

LAYER_M = 100.0
"""Height of the fog [m], through which the sky shines. Radiation fog is some tens to 300 m deep."""


def fog(frame: FrameLike, visibility_m: float, streams: Streams) -> FrameLike:
    """Add homogeneous fog to cameras and LiDAR, from one visibility.

    The parameter is the meteorological optical range (MOR), at which contrast falls to 5 %. Its
    extinction alpha = ln 20 / MOR holds for both sensors and for all sweeps of a frame.

    In images, Koschmieder's law is applied in linear light, with the range of every pixel from
    LiDAR and ground (`fog_camera`). Structure without an echo is taken to be at most 100 m away,
    and the sky to lie behind a layer of 100 m (`range_image`). Far towers therefore stay more
    visible than they would. In the LiDAR, the two-way attenuation of a target competes with the
    echo of the fog (`fog_lidar`).

    Args:
        frame: Frame to corrupt.
        visibility_m: Meteorological optical range [m]. Severities: 400, 200, 100, 60, 30.
        streams: Random streams of the corruption and frame.

    Source:
        Koschmieder 1924; Hahner et al., ICCV 2021.
    """
    extinction = math.log(20.0) / visibility_m
    light = estimate_airlight(frame.images)
    images = tuple(
        fog_image(image, view_image(frame, view).transmission_through(extinction, LAYER_M), light)
        for view, image in enumerate(frame.images)
    )
    return frame.replace(
        images=images,
        points=fog_points(frame, extinction, visibility_m, streams.per_frame("lidar")),
    )
