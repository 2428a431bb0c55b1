"""Cameras that are late."""

from __future__ import annotations

from corruptions.frame_like import FrameLike, load_previous
from corruptions.rng import Streams


def temporal_offset(frame: FrameLike, keyframes_late: float, streams: Streams) -> FrameLike:
    """Replace the images by those of a keyframe before in the scene; the points stay.

    All cameras are late alike. If the scene has fewer keyframes, the images of its first are
    taken, so that a scene's first keyframe stays as it is. The model does not know of it: camera
    poses and times stay those of the keyframe, and the ground truth is that of the LiDAR. A camera
    whose image in the past has another size keeps its own.

    Args:
        frame: Frame to corrupt. Its `previous` gives the frames before.
        keyframes_late: How many keyframes before, rounded. Severities: 1, 2, 3, 4, 5 (0.5 to 2.5 s
            in nuScenes' keyframes at 2 Hz, 0.1 to 0.5 s where every sweep at 10 Hz is a keyframe).
        streams: Random streams (not used).

    Source:
        After 3D_Corruptions_AD (Dong et al., CVPR 2023), temporal misalignment, whose public code
        is 2, 4, 6, 8, 10 frames late.
    """
    past = frame
    for _ in range(round(keyframes_late)):
        older = load_previous(past)
        if older is None:
            break
        past = older
    if len(past.images) != len(frame.images):
        return frame
    pairs = zip(frame.images, past.images, strict=True)
    return frame.replace(
        images=tuple(old.copy() if old.shape == new.shape else new for new, old in pairs)
    )
