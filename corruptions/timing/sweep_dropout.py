"""Older sweeps that did not arrive."""

from __future__ import annotations

import math

import numpy as np

from corruptions.frame_like import FrameLike, select_points
from corruptions.rng import Streams


def sweep_dropout(frame: FrameLike, share_lost: float, streams: Streams) -> FrameLike:
    """Lose some of the older sweeps that a frame aggregates; the keyframe's own sweep stays.

    Whole sweeps go in a random order. The rest of the share is a sector of the next one, as when
    packets are missing: with one older sweep, 0.2 is 72 degrees of it. What is lost at a share is
    lost at all larger ones. A frame without older sweeps stays as it is. `sweep_T` keeps the poses
    of all sweeps.

    Args:
        frame: Frame to corrupt.
        share_lost: Share of the older sweeps that is lost. Severities: 0.2, 0.4, 0.6, 0.8, 1.
        streams: Random streams of the corruption and frame.

    Source:
        Ours. No public suite has this corruption.
    """
    older = len(frame.sweep_T) - 1
    if older < 1:
        return frame
    rng = streams.nested_per_frame("lidar")
    place = np.full(older + 1, np.inf)
    place[1:] = rng.permutation(older)
    start = rng.uniform(-math.pi, math.pi)
    ray = frame.points[:, :2] - frame.sweep_T[frame.sweep_index, :2, 3]  # the car, not a LiDAR
    turned = np.clip(
        (np.arctan2(ray[:, 1], ray[:, 0]) - start) / (2 * math.pi) % 1.0, 0.0, 1 - 1e-9
    )
    return select_points(frame, place[frame.sweep_index] + turned >= share_lost * older)
