"""Driving into a low sun."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import Bool, Float32, Float64, FrameLike, UInt8, select_points
from corruptions.imaging.linear_light import to_linear, to_pixels
from corruptions.imaging.resample import cell_size, grow_map
from corruptions.rng import Streams
from corruptions.weather.detection import (
    FLOOR,
    detection_probability,
    draw_range_noise,
    point_rays,
    received_power,
    reflectance_gain,
    to_reflectance,
)
from corruptions.weather.range_image import cell_rays, range_image

ELEVATION_DEG = (4.0, 14.0)
BEARING_DEG = 20.0
"""The sun is up to this far to either side of where one of the cameras looks [degrees]."""
WHITE_CD_M2 = 10_000.0
"""Luminance of a white pixel, exposed for a sunny day [cd/m^2]."""
NEAR_DEG = 0.5
"""Angle within which the glare does not rise further: the disc and its aureole [degrees]."""
OUTSIDE_DEG = 5.0
"""How far outside the image the sun may be to make glare in it [degrees].

A hood keeps out the rest.
"""
CELL = 8
"""Pixels between which the glare is interpolated."""
BACKGROUND = 5.0
"""LiDAR: relative variance of the noise from the sun, for 1 klux at 1 degree from it.

It falls with the angle squared. At 60 klux the noise is doubled at 10 degrees. This is an
assumption, as no data sheet gives it.
"""
FALSE_ALARM, ALARM_DEG = 0.5, 2.0
"""Share of the beams that report noise within so many degrees of a sun of 100 klux.

It falls with the angle squared beyond.
"""
GHOST_M = (1.0, 80.0)
DIRECTIONS = 24
"""Directions of the sun drawn for a scene.

A frame takes the first one in which it shows free sky.
"""
FREE_DEG = 1.5
"""Within this angle of the sun there is no LiDAR return, and only sky in the image [degrees]."""
ALL_FREE = 0.98
"""Share of sky that counts as all."""


def sunlight(frame: FrameLike, sun_klux: float, streams: Streams) -> FrameLike:
    """Add a low sun: glare in the cameras, and lost, noisy and false LiDAR points towards it.

    The sun's direction, given by azimuth and elevation (4 to 14 degrees), is the first of 24 in
    which the frame shows free sky. They are drawn for the scene within 20 degrees of where one of
    the cameras looks. Free sky means no LiDAR return and only sky in the image within 1.5 degrees.
    If no direction is free, the one with the most sky is taken. It holds for both sensors. It is
    fixed to the vehicle, whose heading is not known here, until something comes before it.

    Images get the veil of scattered light L = 10 E / theta^2 cd/m^2 in linear light, with E in lux
    and theta in degrees from the sun, added to a scene whose white is 10,000 cd/m^2. In the LiDAR,
    scattered sunlight adds shot noise, so that the noise floor at theta from the sun is sqrt(1 + B)
    times higher with B = 5 klux / theta^2. Weak echoes are lost (`detection`), the ranges of the
    others are noisier, and some beams report noise at any range (uniform in 1..80 m). Things that
    are still in its way do not hide the sun.

    Args:
        frame: Frame to corrupt.
        sun_klux: Illuminance of the direct sun on a surface that faces it [klux]. Severities: 10,
            20, 40, 70, 100 (behind haze to blinding).
        streams: Random streams of the corruption and frame.

    Source:
        Stiles and Holladay (CIE 31, 1976); noise floor as in LISA, Kilic et al. 2021.
    """
    sun = sun_direction(frame, streams)
    images = tuple(add_glare(frame, view, sun, sun_klux) for view in range(len(frame.images)))
    return sunlit_points(
        frame.replace(images=images), sun, sun_klux, streams.nested_per_frame("lidar")
    )


def sun_direction(frame: FrameLike, streams: Streams) -> Float64:
    """Choose the direction of the sun, the same at every severity.

    It is the first of the scene's directions in which the frame shows free sky, or the one with the
    most.

    Args:
        frame: Frame that shows the sky.
        streams: Random streams of the corruption and frame.

    Returns:
        (3,) unit vector [LiDAR frame].
    """
    directions = draw_directions(frame, streams.nested_per_scene("sun"))
    free = free_sky(frame, directions)
    result: Float64 = directions[int(np.argmax(np.minimum(free, ALL_FREE)))]
    return result


def draw_directions(frame: FrameLike, rng: np.random.Generator) -> Float64:
    """Draw directions of the sun, each near where one of the cameras looks.

    Args:
        frame: Frame with the cameras.
        rng: Random generator.

    Returns:
        (DIRECTIONS, 3) unit vectors [LiDAR frame].
    """
    drawn = rng.random((DIRECTIONS, 3))
    low, high = ELEVATION_DEG
    elevation, pick = np.radians(low + (high - low) * drawn[:, 0]), drawn[:, 2]
    bearing = np.radians(BEARING_DEG * (2 * drawn[:, 1] - 1))
    azimuth = 2 * np.pi * pick + bearing
    if len(frame.camera_T_lidar):
        axes = frame.camera_T_lidar[:, 2, :3] @ frame.ego_T_lidar[:3, :3].T
        axes = axes[(pick * len(axes)).astype(np.int64)]
        azimuth = np.arctan2(axes[:, 1], axes[:, 0]) + bearing
    level = np.cos(elevation)
    ego = np.stack([level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)], axis=1)
    result: Float64 = ego @ frame.ego_T_lidar[:3, :3]
    return result


def free_sky(frame: FrameLike, directions: Float64) -> Float64:
    """Measure how free of things the sky is within FREE_DEG of directions.

    It is the share of sky in the image that sees the direction best, divided by one more than the
    LiDAR's returns there. A direction that no image shows counts half, unless there are no cameras.

    Args:
        frame: Frame with images and points.
        directions: (D, 3) unit vectors [LiDAR frame].

    Returns:
        (D,) 0..1.
    """
    _, ray, distance = point_rays(frame)
    own = (frame.sweep_index == 0) & (distance > 0)
    along = ray[own] / distance[own, None]
    cosine = np.float32(np.cos(np.radians(FREE_DEG)))
    returns = (along @ directions.T.astype(np.float32) > cosine).sum(axis=0)
    sky = np.full(len(directions), 0.5 if frame.images else 1.0)
    best = (
        np.argmax(directions @ frame.camera_T_lidar[:, 2, :3].T, axis=1)
        if frame.images
        else np.zeros(0, np.int64)
    )
    for view in np.unique(best):
        seen = np.flatnonzero(best == view)
        share = _sky_share(frame, int(view), directions[seen])
        sky[seen] = np.where(np.isnan(share), sky[seen], share)
    result: Float64 = sky / (1 + returns)
    return result


def _sky_share(frame: FrameLike, view: int, directions: Float64) -> Float64:
    """Measure the share of cells (D,) within FREE_DEG of each direction (D, 3) that show the sky.

    It is NaN outside the image.
    """
    sky = np.isinf(range_image(frame, view))
    cells = cell_rays(frame, view, sky.shape, cell_size(frame.images[view])).reshape(-1, 3)
    cosine = cells @ (directions @ frame.ego_T_lidar[:3, :3].T).T
    near = cosine > np.cos(np.radians(FREE_DEG))
    count = near.sum(axis=0)
    with np.errstate(invalid="ignore"):
        result: Float64 = np.where(
            count > 0, (near & sky.reshape(-1, 1)).sum(axis=0) / count, np.nan
        )
    return result


def add_glare(frame: FrameLike, view: int, sun: Float64, sun_klux: float) -> UInt8:
    """Add the veil of scattered sunlight to an image whose camera sees the sun.

    The image of any other camera stays as it is.

    Args:
        frame: Frame with the image.
        view: Number of the camera.
        sun: (3,) unit vector towards the sun [LiDAR frame].
        sun_klux: Illuminance of the sun [klux].

    Returns:
        (H, W, 3) uint8 RGB.
    """
    image, K = frame.images[view], frame.camera_K[view]
    direction = frame.camera_T_lidar[view, :3, :3] @ sun
    if direction[2] <= 0.0 or not image.any():  # behind, or a camera that is off
        return image
    height, width = image.shape[:2]
    u, v = (K @ direction)[:2] / direction[2]
    margin = K[0, 0] * np.tan(np.radians(OUTSIDE_DEG))
    if not (-margin < u < width + margin and -margin < v < height + margin):
        return image
    rows, columns = np.indices((-(-height // CELL), -(-width // CELL))) * CELL + (CELL - 1) / 2
    pixels = np.stack(
        [(columns - K[0, 2]) / K[0, 0], (rows - K[1, 2]) / K[1, 1], np.ones(rows.shape)], axis=-1
    )
    cosine = pixels @ direction / np.linalg.norm(pixels, axis=-1)
    angle = np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
    veil = grow_map(stiles_holladay(angle, sun_klux).astype(np.float32), CELL, height, width)
    return to_pixels(to_linear(image) + veil[..., None])


def stiles_holladay(angle_deg: Float64, sun_klux: float) -> Float64:
    """Compute the veiling luminance relative to white: 10 E / theta^2 / WHITE_CD_M2, with E in lux.

    Args:
        angle_deg: Angles theta from the sun [degrees]; those below `NEAR_DEG` count as it.
        sun_klux: Illuminance of the sun [klux].

    Source:
        Stiles and Holladay (CIE 31, 1976).
    """
    result: Float64 = 1e4 * sun_klux / np.maximum(angle_deg, NEAR_DEG) ** 2 / WHITE_CD_M2
    return result


def sunlit_points(
    frame: FrameLike, sun: Float64, sun_klux: float, rng: np.random.Generator
) -> FrameLike:
    """Replace a frame's points by those that a LiDAR still reports, and by noise.

    Args:
        frame: Frame to corrupt.
        sun: (3,) unit vector towards the sun [LiDAR frame].
        sun_klux: Illuminance of the sun [klux].
        rng: Random generator.
    """
    origin, ray, distance = point_rays(frame)
    along = np.clip(ray @ sun.astype(np.float32) / np.maximum(distance, np.float32(0.1)), -1.0, 1.0)
    angle = np.maximum(np.degrees(np.arccos(along)), NEAR_DEG)
    factor = 1 / np.sqrt(1 + BACKGROUND * sun_klux / angle**2)
    clear = received_power(
        to_reflectance(frame.points[:, 3], reflectance_gain(frame.points[:, 3])), distance
    )
    alarm: Bool = (
        rng.random(len(angle))
        < FALSE_ALARM * sun_klux / 100 * np.minimum(ALARM_DEG / angle, 1.0) ** 2
    )
    alive = rng.random(len(angle)) < detection_probability(clear, factor)
    reported = np.where(
        alarm, rng.uniform(*GHOST_M, len(angle)), distance + draw_range_noise(clear, factor, rng)
    )
    points: Float32 = frame.points.copy()
    points[:, :3] = origin + ray * (reported / np.maximum(distance, np.float32(0.1)))[
        :, None
    ].astype(np.float32)
    points[alarm, 3] = np.minimum(
        FLOOR * reported[alarm] ** 2 / factor[alarm] / reflectance_gain(frame.points[:, 3]), 1.0
    )
    return select_points(frame.replace(points=points), alive | alarm)
