"""Surfaces too dark to echo."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import FrameLike, select_points
from corruptions.rng import Streams

DARK_SHARE = 0.2


def incomplete_echo(frame: FrameLike, share: float, streams: Streams) -> FrameLike:
    """Lose most echoes of the darkest surfaces: black cars, fresh asphalt.

    The dark points are the 20 % of the frame's points with the lowest intensity (points of equal
    intensity in random order). Exactly round(share dark) of them go, at random. The limit is a
    share, as the scale of the intensity differs between data sets.

    Args:
        frame: Frame to corrupt.
        share: Share of the dark points that is lost. Severities: 75, 80, 85, 90, 95 %.
        streams: Random streams of the corruption and frame.

    Source:
        Robo3D (Kong et al., ICCV 2023), incomplete echo, which drops 75, 85, 95 % of the points
        labelled as a vehicle instead. Here no label is read.
    """
    n = len(frame.points)
    rng = streams.nested_per_frame("lidar")
    intensity = frame.points[:, 3].astype(np.float64) + 1e-9 * rng.random(n)
    dark = np.argsort(intensity, kind="stable")[: round(DARK_SHARE * n)]
    keep = np.ones(n, np.bool_)
    keep[rng.permutation(dark)[: round(share * len(dark))]] = False
    return select_points(frame, keep)
