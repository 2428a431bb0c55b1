"""Points lost at random."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import FrameLike, select_points
from corruptions.rng import Streams


def point_drop(frame: FrameLike, share: float, streams: Streams) -> FrameLike:
    """Lose returns at random, everywhere alike.

    Exactly round(share N) points go, without replacement. The others keep their order.

    Args:
        frame: Frame to corrupt.
        share: Share of points that is lost. Severities: 6, 12, 18, 24, 30 %.
        streams: Random streams of the corruption and frame.

    Source:
        3D_Corruptions_AD (Dong et al., CVPR 2023), density decrease.
    """
    n = len(frame.points)
    keep = np.ones(n, np.bool_)
    keep[streams.per_frame("lidar").permutation(n)[: round(share * n)]] = False
    return select_points(frame, keep)
