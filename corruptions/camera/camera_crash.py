"""Cameras that are off."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import FrameLike
from corruptions.rng import Streams


def camera_crash(frame: FrameLike, cameras_off: float, streams: Streams) -> FrameLike:
    """Cameras are off (black images) for a whole scene.

    Parameter: the number of cameras that are off, 1 2 3 4 5 of nuScenes' six; all of them where there are fewer. Which
    ones is drawn once for a scene. Source: RoboBEV (arXiv 2304.06719), camera crash.
    """
    views = len(frame.images)
    off = streams.nested_per_scene("camera").permutation(views)[: round(cameras_off)]
    return frame.replace(
        images=tuple(
            np.zeros_like(image) if view in off else image
            for view, image in enumerate(frame.images)
        )
    )
