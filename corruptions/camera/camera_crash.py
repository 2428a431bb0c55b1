"""Cameras that are off."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import FrameLike
from corruptions.rng import Streams


def camera_crash(frame: FrameLike, cameras_off: float, streams: Streams) -> FrameLike:
    """Turn cameras off (black images) for a whole scene.

    All cameras are off where the rig has fewer than the number. The cameras are drawn once for a
    scene.

    Args:
        frame: Frame to corrupt.
        cameras_off: Number of cameras that are off. Severities: 1, 2, 3, 4, 5 of nuScenes' six.
        streams: Random streams of the corruption and frame.

    Source:
        RoboBEV (Xie et al., arXiv 2304.06719), camera crash.
    """
    views = len(frame.images)
    off = streams.nested_per_scene("camera").permutation(views)[: round(cameras_off)]
    return frame.replace(
        images=tuple(
            np.zeros_like(image) if view in off else image
            for view, image in enumerate(frame.images)
        )
    )
