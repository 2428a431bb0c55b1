"""A film of water on the road."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import Bool, Float32, Float64, FrameLike, select_points
from corruptions.rng import Streams
from corruptions.weather.detection import (
    FLOOR,
    detection_probability,
    point_rays,
    received_power,
    reflectance_gain,
    to_reflectance,
)
from corruptions.weather.water_film import covered_share, fresnel_reflectance, wet_darkening
from corruptions.weather.wet_camera import wet_image

ROAD_BAND_M = 0.3
"""Points up to this far above or below the road plane (ego z = 0) [m] ..."""
ROAD_SLOPE = 0.01
"""... plus this times their distance lie on the ground.

Roads are not flat, and the edges of pavements are wet, too.
"""
WEAKEST_SHARE, BELOW_WEAKEST = 0.01, 0.7
"""The noise floor is 0.7 times the power that 1 % of the dry ground's echoes fall short of."""


def wet_ground(frame: FrameLike, film_mm: float, streams: Streams) -> FrameLike:
    """Add a wet road: lost and weak ground returns, and a dark mirror in the cameras.

    The film lies over a texture of 1.2 mm and covers the share c = film / 1.2 mm of it. A LiDAR
    echo of the ground at the angle theta keeps 1 - c + c T(theta)^2 / n^2 / (1 - albedo 0.48),
    where T is the Fresnel transmittance of water (`water_film`). The flattest returns are lost
    first: those under the noise floor. The floor is found from the frame: 0.7 times the weakest dry
    ground echoes (1 % of them are weaker) in terms of intensity / range^2, and at least that of
    `detection`. Images are rendered by `wet_camera`. The road is the plane ego z = 0.

    Light that the film mirrors away reaches no sensor: mirrored ghosts of objects under the road
    are not modelled.

    Args:
        frame: Frame to corrupt.
        film_mm: Thickness of the film of water [mm]. Severities: 0.2, 0.4, 0.6, 0.9, 1.2.
        streams: Random streams of the corruption and frame.

    Source:
        Hahner et al., CVPR 2022; Lekner & Dorf, Applied Optics 1988. Deviation: the floor of Hahner
        et al. is fitted over range, from intensities, and is sharp. Here one log-normal floor holds
        at all ranges.
    """
    covered = covered_share(film_mm)
    images = tuple(wet_image(frame, view, covered) for view in range(len(frame.images)))
    points = frame.points.copy()
    _, ray, distance = point_rays(frame)
    ground = on_ground(frame)
    reach = np.maximum(distance[ground], np.float32(0.1))
    cosine = np.clip(
        abs(ray[ground] @ frame.ego_T_lidar[2, :3].astype(np.float32)) / reach, 0.0, 1.0
    )
    factor = wet_return(cosine.astype(np.float64), covered)
    clear = received_power(to_reflectance(points[ground, 3], reflectance_gain(points[:, 3])), reach)
    keep: Bool = np.ones(len(points), np.bool_)
    keep[ground] = streams.nested_per_frame("lidar").random(len(factor)) < detection_probability(
        clear, factor, noise_floor(clear)
    )
    points[ground, 3] *= factor.astype(np.float32)
    return select_points(frame.replace(images=images, points=points), keep)


def noise_floor(clear: Float32) -> float:
    """Estimate the floor that the dry ground's echoes stand above.

    Args:
        clear: (G,) power of the ground's echoes, see `detection.received_power`.
    """
    return (
        max(FLOOR, BELOW_WEAKEST * float(np.quantile(clear, WEAKEST_SHARE)))
        if len(clear)
        else FLOOR
    )


def wet_return(cosine: Float64, covered: float) -> Float64:
    """Compute the echo's power relative to the dry ground's.

    Args:
        cosine: (G,) cosine of the ray's angle to the ground's normal.
        covered: Share of the road under water, 0..1.
    """
    passed = 1 - fresnel_reflectance(cosine)
    return 1 - covered + covered * wet_darkening(passed, passed)


def on_ground(frame: FrameLike) -> Bool:
    """Find the points (N,) on the road plane, within a band that widens with distance."""
    height = frame.points[:, :3] @ frame.ego_T_lidar[2, :3].astype(np.float32) + np.float32(
        frame.ego_T_lidar[2, 3]
    )
    distance = np.hypot(frame.points[:, 0], frame.points[:, 1])
    result: Bool = abs(height) < ROAD_BAND_M + ROAD_SLOPE * distance
    return result
