"""Fog for both sensors."""

from __future__ import annotations

import math

from corruptions.frame_like import FrameLike
from corruptions.rng import Streams
from corruptions.weather.fog_camera import estimate_airlight, fog_image
from corruptions.weather.fog_lidar import fog_points
from corruptions.weather.range_image import view_image

LAYER_M = 100.0
"""Height of the fog: radiation fog is some tens of metres to 300 m deep. The sky shines through it."""


def fog(frame: FrameLike, visibility_m: float, streams: Streams) -> FrameLike:
    """Homogeneous fog in camera and LiDAR, from one visibility.

    Parameter: the meteorological optical range (MOR, where contrast falls to 5 %), 400 200 100 60 30 m; the extinction
    is alpha = ln 20 / MOR for both sensors. Images: Koschmieder's law in linear light with the range of every pixel from
    LiDAR and ground (`fog_camera`). Structure without an echo is taken to be at most 100 m away, and the sky to
    lie behind a layer of 100 m (`range_image`): far towers stay more visible than they would. LiDAR: two-way
    attenuation against the echo of the fog (`fog_lidar`; Hahner et al., ICCV 2021). The same fog for all sweeps of a
    frame.
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
