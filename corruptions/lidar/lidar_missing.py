"""A LiDAR that delivers nothing."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import FrameLike, select_points
from corruptions.rng import Streams


def lidar_missing(frame: FrameLike, share_lost: float, streams: Streams) -> FrameLike:
    """Lose all points of the LiDAR, sweeps included.

    Args:
        frame: Frame to corrupt.
        share_lost: Probability that a frame's LiDAR is lost. It is 1 at every severity, as a sensor
            that is off has no degrees (the other corruptions grade what is left).
        streams: Random streams of the corruption and frame.

    Source:
        MSC-Bench (Hao et al., arXiv 2501.01037), LiDAR missing.
    """
    if streams.per_frame("lidar").random() >= share_lost:
        return frame
    return select_points(frame, np.zeros(len(frame.points), np.bool_))
