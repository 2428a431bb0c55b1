"""Objects whose points are noisy, as those of wet, shiny or finely structured surfaces."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import Float64, FrameLike, Int64
from corruptions.objects.pick import pick_points
from corruptions.rng import Streams

IMPULSE_M = 0.1


def object_gaussian_noise(frame: FrameLike, sigma_m: float, streams: Streams) -> FrameLike:
    """Add normal noise to the position of every object's points.

    Args:
        frame: Frame to corrupt.
        sigma_m: Standard deviation in x, y and z each [m]. Severities: 0.02, 0.04, 0.06, 0.08,
            0.10.
        streams: Random streams of the corruption and frame.

    Source:
        3D_Corruptions_AD (Dong et al., CVPR 2023), local Gaussian noise, whose public code adds the
        same noise to the intensity, too.
    """
    rows = pick_points(frame).rows
    return _moved(frame, rows, sigma_m * streams.per_frame("lidar").standard_normal((len(rows), 3)))


def object_uniform_noise(frame: FrameLike, half_width_m: float, streams: Streams) -> FrameLike:
    """Add uniform noise to the position of every object's points.

    Args:
        frame: Frame to corrupt.
        half_width_m: Largest value in x, y and z each [m]. Severities: 0.02, 0.04, 0.06, 0.08,
            0.10.
        streams: Random streams of the corruption and frame.

    Source:
        3D_Corruptions_AD (Dong et al., CVPR 2023), local uniform noise, whose public code adds the
        same noise to the intensity, too.
    """
    rows = pick_points(frame).rows
    return _moved(
        frame, rows, streams.per_frame("lidar").uniform(-half_width_m, half_width_m, (len(rows), 3))
    )


def object_impulse_noise(frame: FrameLike, share: float, streams: Streams) -> FrameLike:
    """Make some points of the objects jump by 10 cm in x, y and z each, forth or back.

    The share is exact (to the nearest point) over all objects of a frame together, and the same
    points jump at all larger shares. Objects of a few points are thus hit as often as others.

    Args:
        frame: Frame to corrupt.
        share: Share of the objects' points. Severities: 1/30, 1/25, 1/20, 1/15, 1/10.
        streams: Random streams of the corruption and frame.

    Source:
        3D_Corruptions_AD (Dong et al., CVPR 2023), local impulse noise, whose public code rounds
        down per object (those of fewer than 10 to 30 points stay) and changes the intensity, too.
    """
    rows = pick_points(frame).rows
    rng = streams.nested_per_frame("lidar")
    hit = rng.permutation(len(rows))[: round(share * len(rows))]
    sign = rng.choice((-1.0, 1.0), (len(rows), 3))
    return _moved(frame, rows[hit], IMPULSE_M * sign[hit])


def _moved(frame: FrameLike, rows: Int64, shift: Float64) -> FrameLike:
    """Shift some of a frame's points by (K, 3) metres."""
    points = frame.points.copy()
    points[rows, :3] += shift.astype(np.float32)
    return frame.replace(points=points)
