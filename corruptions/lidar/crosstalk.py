"""Pulses of other LiDARs taken for one's own."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import FrameLike
from corruptions.rng import Streams

SPREAD_M = 3.0


def crosstalk(frame: FrameLike, share: float, streams: Streams) -> FrameLike:
    """Let pulses of other LiDARs move some points away from where they belong.

    round(share N) points are hit, without replacement, each shifted by N(0, 3 m) along x, y and z.
    Their number, beam, intensity and time stay.

    Args:
        frame: Frame to corrupt.
        share: Share of points that is hit. Severities: 0.4, 0.8, 1.2, 1.6, 2.0 %.
        streams: Random streams of the corruption and frame.

    Source:
        3D_Corruptions_AD (Dong et al., CVPR 2023), LiDAR crosstalk, with these values (after
        Briñón-Arranz et al., 2021). Robo3D (Kong et al., ICCV 2023) has the same formula. The
        public code of both adds 3 N(0, 1) to the intensity, too.
    """
    rng = streams.per_frame("lidar")
    n = len(frame.points)
    hit = rng.permutation(n)[: round(share * n)]
    points = frame.points.copy()
    points[hit, :3] += rng.normal(0.0, SPREAD_M, (len(hit), 3)).astype(np.float32)
    return frame.replace(points=points)
