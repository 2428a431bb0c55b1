"""Cameras whose images do not arrive."""

from __future__ import annotations

import dataclasses

import numpy as np

from corruptions.frame_like import FrameLike, UInt8, load_previous
from corruptions.rng import Streams


def frame_lost(frame: FrameLike, loss_probability: float, streams: Streams) -> FrameLike:
    """Lose images now and then: they are black, independently for every camera and frame.

    An image that is lost at one severity is lost at the larger ones, too. A frame may stay whole,
    by chance 1 in 3 at the lowest severity with six cameras.

    Args:
        frame: Frame to corrupt.
        loss_probability: Probability that an image is lost. Severities: 1/6, 2/6, 3/6, 4/6, 5/6.
        streams: Random streams of the corruption and frame.

    Source:
        RoboBEV (Xie et al., arXiv 2304.06719), frame lost. MultiCorrupt (Beemelmanns et al., IV
        2024) has it as "missing camera" at 0.2, 0.4, 0.6.
    """
    lost = _draws(frame, streams, len(frame.images)) < loss_probability
    return frame.replace(
        images=tuple(
            np.zeros_like(image) if gone else image
            for image, gone in zip(frame.images, lost, strict=True)
        )
    )


def camera_stuck(frame: FrameLike, mean_hold_frames: float, streams: Streams) -> FrameLike:
    """Make cameras hang: an old image is repeated until the camera goes on.

    A camera is stuck in a frame with probability 1 - 1/L, independently, so that the holds have a
    geometric length of mean L. It shows its image of the last frame before in which it was not
    stuck. A camera that is stuck at one severity is stuck at the larger ones, too. A frame may stay
    whole, and a scene's first always does. A camera that an older frame lacks, or whose image there
    has another size, goes on from the frame after it.

    Args:
        frame: Frame to corrupt. Its `previous` gives the frames before.
        mean_hold_frames: Mean number of keyframes L for which an image stays. Severities: 1.5, 2,
            3, 5, 10.
        streams: Random streams of the corruption and frame.

    Source:
        After the temporal misalignment of MultiCorrupt (Beemelmanns et al., IV 2024): the image one
        keyframe before with probability 0.2, 0.4, 0.6. Deviation: holds last.
    """
    images: list[UInt8] = list(frame.images)
    stuck = _draws(frame, streams, len(frame.images)) < 1 - 1 / mean_hold_frames
    past = load_previous(frame) if stuck.any() else None
    while past is not None:
        for view in np.flatnonzero(stuck):
            stuck[view] = view < len(past.images) and past.images[view].shape == images[view].shape
        for view in np.flatnonzero(stuck):
            images[view] = past.images[view]
        stuck &= _draws(past, streams, len(stuck)) < 1 - 1 / mean_hold_frames
        past = load_previous(past) if stuck.any() else None
    return frame.replace(images=tuple(image.copy() for image in images))


def _draws(
    frame: FrameLike, streams: Streams, cameras: int
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Draw uniform numbers (cameras,) of a frame, the same at every severity.

    The frame may be one before that of the streams.
    """
    own = dataclasses.replace(streams, token=frame.token)
    return np.array([own.nested_per_frame(f"camera{view}").random() for view in range(cameras)])
