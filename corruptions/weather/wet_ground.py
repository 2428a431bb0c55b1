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
"""Points up to this far above or below the road plane (ego z = 0) ..."""
ROAD_SLOPE = 0.01
"""... plus this times their distance lie on the ground: roads are not flat, and boards of pavements are wet, too."""
WEAKEST_SHARE, BELOW_WEAKEST = 0.01, 0.7
"""The noise floor is 0.7 times the power that 1 % of the dry ground's echoes fall short of."""


def wet_ground(frame: FrameLike, film_mm: float, streams: Streams) -> FrameLike:
    """A wet road: lost and weak ground returns, the flattest first; dark and mirroring in cameras.

    Parameter: the thickness of the film of water, 0.2 0.4 0.6 0.9 1.2 mm, over a texture of 1.2 mm, of which it covers the
    share film / 1.2 mm. LiDAR, after Hahner et al., CVPR 2022: an echo of the ground at the angle theta keeps
    1 - c + c T(theta)^2 / n^2 / (1 - albedo * 0.48), T the Fresnel transmittance of water (`water_film`); it is lost when
    that is under the noise floor. As there, the floor is found from the frame: 0.7 times the weakest dry ground echoes (1 % of
    them are weaker), in terms of intensity / range^2; at least that of `detection`. Deviation: theirs is fitted over range,
    of intensities, and is sharp; here one floor holds at all ranges, log-normal. What the film mirrors away reaches no sensor:
    mirrored ghosts of objects under the road are not modelled. Images: `wet_camera`. The road is the plane ego z = 0.
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
    """The floor that the dry ground's echoes stand above. clear: (G,) their power (`detection.received_power`)."""
    return (
        max(FLOOR, BELOW_WEAKEST * float(np.quantile(clear, WEAKEST_SHARE)))
        if len(clear)
        else FLOOR
    )


def wet_return(cosine: Float64, covered: float) -> Float64:
    """The echo's power relative to the dry ground's; cosine of the ray's angle to the ground's normal."""
    passed = 1 - fresnel_reflectance(cosine)
    return 1 - covered + covered * wet_darkening(passed, passed)


def on_ground(frame: FrameLike) -> Bool:
    """(N,) points on the road plane, within a band that widens with distance."""
    height = frame.points[:, :3] @ frame.ego_T_lidar[2, :3].astype(np.float32) + np.float32(
        frame.ego_T_lidar[2, 3]
    )
    distance = np.hypot(frame.points[:, 0], frame.points[:, 1])
    result: Bool = abs(height) < ROAD_BAND_M + ROAD_SLOPE * distance
    return result
