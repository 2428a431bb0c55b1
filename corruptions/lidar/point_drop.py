"""Points lost at random."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import FrameLike, select_points
from corruptions.rng import Streams


def point_drop(frame: FrameLike, share: float, streams: Streams) -> FrameLike:
    """Returns are lost at random, everywhere alike.

    Parameter: the share of points that is lost, 6 12 18 24 30 %; exactly round(share * N) points, without replacement,
    the order of the others kept. Source: 3D_Corruptions_AD (Dong et al., CVPR 2023), density decrease.
    """
    n = len(frame.points)
    keep = np.ones(n, np.bool_)
    keep[streams.per_frame("lidar").permutation(n)[: round(share * n)]] = False
    return select_points(frame, keep)
