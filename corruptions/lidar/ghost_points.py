"""Echoes that came twice."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import FrameLike, append_points
from corruptions.lidar.rays import ray_origins
from corruptions.rng import Streams


def ghost_points(frame: FrameLike, share: float, streams: Streams) -> FrameLike:
    """Add faint copies of bright surfaces on the same ray, twice as far.

    Bright surfaces echo twice, by way of the own vehicle. A pulse that a reflector sends back, the
    own vehicle mirrors and the reflector sends back again has travelled twice the way and is
    weakened by the reflectivity twice: a point at range 2 R, of intensity i^2. Its power is i^2
    times speckle, which is Exp(1) distributed (Goodman, Speckle Phenomena in Optics, 2007). The
    strongest of these second echoes are ghosts, so mostly those of signs, plates and lane markings.

    round(share N) points are added, and none is lost. None is farther than the frame's farthest
    point (the sensor's reach), so that there are fewer ghosts where the points do not suffice. A
    ghost has ring, sweep and time of its ray.

    Args:
        frame: Frame to corrupt.
        share: Number of ghosts as a share of the points. Severities: 0.5, 1, 2, 3, 5 %.
        streams: Random streams of the corruption and frame.

    Source:
        Own model of the fault "ghost objects" in Goelles et al., "Fault Detection, Isolation,
        Identification and Recovery (FDIIR) Methods for Automotive Perception Sensors", Sensors
        2020.
    """
    start = ray_origins(frame)
    ray = frame.points[:, :3] - start
    distance2 = np.einsum("ni,ni->n", ray, ray)
    speckle = streams.nested_per_frame("lidar").standard_exponential(len(ray), np.float32)
    power = frame.points[:, 3] ** 2 * speckle
    power[4 * distance2 > distance2.max(initial=0.0)] = 0.0
    strongest = np.argsort(-power, kind="stable")[: round(share * len(ray))]
    source = strongest[power[strongest] > 0]
    ghosts = frame.points[source]
    ghosts[:, :3] = start[source] + 2 * ray[source]
    ghosts[:, 3] **= 2
    return append_points(frame, ghosts, source)
