"""A calibration that goes wrong while driving."""

from __future__ import annotations

from corruptions.alignment.extrinsic import mount_shift_m
from corruptions.alignment.se3 import random_rigid
from corruptions.frame_like import FrameLike, load_previous
from corruptions.rng import Streams

SETTLED = 10
"""Keyframes from the scene's start after which the mounts have settled."""


def calibration_drift(frame: FrameLike, settled_deg: float, streams: Streams) -> FrameLike:
    """Let the cameras creep in their mounts: the given poses are ever farther off.

    They are right at the scene's start. The rotation is reached in ten equal steps over the ten
    keyframes after the scene's first (5 s of nuScenes) and stays. The translation grows in step, to
    2, 5, 10, 20, 50 cm. Axis and direction are drawn once for a scene and camera, so that the error
    only ever grows. A scene's first keyframe stays as it is.

    The frame's place in its scene is counted by asking for the frames before, ten at most, which
    loads them.

    Args:
        frame: Frame to corrupt. Its `previous` gives the frames before.
        settled_deg: Rotation at which the cameras settle [degrees]. Severities: 0.5, 1, 2, 3, 5.
        streams: Random streams of the corruption and frame.

    Source:
        Levels as those of `extrinsic`. The course over time is ours, no public suite has this
        corruption.
    """
    share = _frames_before(frame) / SETTLED
    matrices = frame.camera_T_lidar.copy()
    for view in range(len(matrices)):
        rng = streams.per_scene(f"camera{view}")
        matrices[view] = (
            random_rigid(rng, share * settled_deg, share * mount_shift_m(settled_deg))
            @ matrices[view]
        )
    return frame.replace(camera_T_lidar=matrices)


def _frames_before(frame: FrameLike) -> int:
    """Count the keyframes of the scene before this one, SETTLED at most."""
    count, past = 0, load_previous(frame)
    while past is not None and count < SETTLED:
        count += 1
        past = load_previous(past) if count < SETTLED else None
    return count
