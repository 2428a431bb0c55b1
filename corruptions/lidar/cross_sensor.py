"""The LiDAR of another vehicle."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import Bool, Float64, FrameLike, select_points
from corruptions.lidar.beams import known_rings, thin_evenly
from corruptions.lidar.rays import ray_origins
from corruptions.rng import Streams

AZIMUTH_SHARE = 0.5


def cross_sensor(frame: FrameLike, share: float, streams: Streams) -> FrameLike:
    """Turn the LiDAR into another sensor: fewer beams, and half the resolution in azimuth.

    The beams that stay are evenly spaced and the same through a scene, as in `beams_reduced`. Each
    of them keeps every second return of a sweep in the order of azimuth (to one return, exactly
    half). The first or the second return begins, by chance for every sweep.

    Args:
        frame: Frame to corrupt.
        share: Share of the beams that stays. Severities: 24/32, 20/32, 16/32, 12/32, 8/32.
        streams: Random streams of the corruption and frame.

    Raises:
        CorruptionError: The ring of a point is unknown.

    Source:
        Robo3D (Kong et al., ICCV 2023), cross sensor: 24, 16, 8 beams and every second point. Its
        public code takes every second point in the order of the file, in which a column's beams
        follow each other, so that it drops further beams rather than columns.
    """
    rings = known_rings(frame, "cross_sensor")
    frame = select_points(frame, thin_evenly(rings, share, streams.per_scene("lidar").random()))
    phase = streams.per_frame("lidar").random(len(frame.sweep_T))
    return select_points(frame, _thinned_columns(frame, AZIMUTH_SHARE, phase))


def _thinned_columns(frame: FrameLike, share: float, phase: Float64) -> Bool:
    """Choose an evenly spaced share of the returns of every beam and sweep, by azimuth.

    `phase` is (S,) in 0..1. Returns (N,).
    """
    n = len(frame.points)
    ray = frame.points[:, :2] - ray_origins(frame)[:, :2]
    azimuth = np.arctan2(ray[:, 1], ray[:, 0])
    group = frame.sweep_index.astype(np.int64) * (int(frame.ring.max(initial=0)) + 1) + frame.ring
    order = np.argsort(group * 8.0 + azimuth, kind="stable")
    counts = np.bincount(group)
    rank = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
    keep = np.empty(n, np.bool_)
    keep[order] = thin_evenly(rank, share, phase[frame.sweep_index[order]])
    return keep
