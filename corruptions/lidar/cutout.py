"""Holes in the point cloud."""

from __future__ import annotations

import math

import numpy as np

from corruptions.frame_like import FrameLike, select_points
from corruptions.rng import Streams

BLOB_SHARE = 0.02


def cutout(frame: FrameLike, blobs: float, streams: Streams) -> FrameLike:
    """Cut out whole blobs of points, behind dirt on the sensor, or where its driver lost data.

    A blob has round(2 % of N) points. At 2.5 blobs the last has half of that. A blob is the points
    nearest to one drawn at random, all of them still there, so that exactly so many points are
    gone. The blobs of a severity begin with those of a lower one.

    Args:
        frame: Frame to corrupt.
        blobs: Number of blobs. Severities: 2, 3, 5, 7, 10.
        streams: Random streams of the corruption and frame.

    Source:
        3D_Corruptions_AD (Dong et al., CVPR 2023), cutout; after ModelNet40-C (Sun et al., 2022).
    """
    n = len(frame.points)
    order = streams.nested_per_frame("lidar").permutation(n)
    keep = np.ones(n, np.bool_)
    xyz = np.ascontiguousarray(frame.points[:, :3].T)
    for number in range(math.ceil(blobs)):
        size = round(min(blobs - number, 1.0) * BLOB_SHARE * n)
        if size:
            away = xyz - xyz[:, [order[np.argmax(keep[order])]]]
            distance2 = np.einsum("in,in->n", away, away)
            distance2[~keep] = np.inf
            keep[np.argpartition(distance2, size - 1)[:size]] = False
    return select_points(frame, keep)
