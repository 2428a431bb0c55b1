"""Lenses that changed since they were calibrated."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import FrameLike
from corruptions.rng import Streams


def intrinsics(frame: FrameLike, focal_drift: float, streams: Streams) -> FrameLike:
    """Make the given focal lengths and principal points wrong, for a whole scene.

    Every focal length is longer or shorter at random. The principal point is off by the same share
    of the focal length in a random direction in the image: the optical axis is off by atan(share),
    0.14 to 2.3 degrees, whatever the resolution (3 to 51 px at nuScenes' 1266 px). Both are drawn
    once for a scene and camera. Images and ground truth stay.

    Args:
        frame: Frame to corrupt.
        focal_drift: Share by which every camera's focal length is off. Severities: 0.0025, 0.005,
            0.01, 0.02, 0.04. The first levels are what heat and vibration do to automotive lenses,
            the last ones a lens that was refitted.
        streams: Random streams of the corruption and frame.

    Source:
        The values are ours. No public suite has this corruption.
    """
    matrices = frame.camera_K.copy()
    for view in range(len(matrices)):
        rng = streams.per_scene(f"camera{view}")
        sign, direction = rng.choice((-1.0, 1.0)), rng.uniform(0.0, 2 * np.pi)
        focal = matrices[view, [0, 1], [0, 1]]
        matrices[view, :2, 2] += focal_drift * focal * (np.cos(direction), np.sin(direction))
        matrices[view, [0, 1], [0, 1]] = focal * (1 + sign * focal_drift)
    return frame.replace(camera_K=matrices)
