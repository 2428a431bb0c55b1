"""Moving objects, smeared."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import FrameLike
from corruptions.objects.membership import known_velocity
from corruptions.objects.pick import pick_points
from corruptions.rng import Streams

MOVING_M_S = 0.2
"""Slower objects stand [m/s]."""


def moving_object(frame: FrameLike, smear_s: float, streams: Streams) -> FrameLike:
    """Smear moving objects along their velocity: their points are not all of one moment.

    Every point is shifted by the velocity over ground times a time that is uniform within half of
    the parameter before and after. Whole sweeps last 0.05 s (20 Hz) or 0.1 s (10 Hz). Parts of an
    object are so far apart in time where several LiDARs, or both ends of a turn, see it. Boxes
    stay, and are right on average. Objects slower than 0.2 m/s, or of unknown velocity, stay.

    Args:
        frame: Frame to corrupt.
        smear_s: Time over which an object's points are gathered as if it stood [s]. Severities:
            0.02, 0.04, 0.06, 0.08, 0.10.
        streams: Random streams of the corruption and frame.

    Source:
        After 3D_Corruptions_AD (Dong et al., CVPR 2023), moving object: 0.2, 0.4, 0.6, 0.8, 1 m,
        which is what these times are at 10 m/s. Its public code shifts two thirds of every object,
        whether it moves or not, along the sensor's x.
    """
    picked = pick_points(frame)
    velocity = known_velocity(picked.boxes)
    velocity[np.hypot(velocity[:, 0], velocity[:, 1]) < MOVING_M_S] = 0.0
    time_s = smear_s * streams.per_frame("lidar").uniform(-0.5, 0.5, len(picked.rows))
    points = frame.points.copy()
    points[picked.rows, :2] += (velocity[picked.owner] * time_s[:, None]).astype(np.float32)
    return frame.replace(points=points)
