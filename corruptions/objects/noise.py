"""Objects whose points are noisy, as those of wet, shiny or finely structured surfaces; the rest of the frame stays."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import Float64, FrameLike, Int64
from corruptions.objects.pick import pick_points
from corruptions.rng import Streams

IMPULSE_M = 0.1


def object_gaussian_noise(frame: FrameLike, sigma_m: float, streams: Streams) -> FrameLike:
    """Normal noise on the position of every object's points.

    Parameter: its standard deviation in x, y and z each, 2 4 6 8 10 cm. Source and values: 3D_Corruptions_AD (Dong et al.,
    CVPR 2023), local Gaussian noise, whose public code adds the same noise to the intensity, too.
    """
    rows = pick_points(frame).rows
    return _moved(frame, rows, sigma_m * streams.per_frame("lidar").standard_normal((len(rows), 3)))


def object_uniform_noise(frame: FrameLike, half_width_m: float, streams: Streams) -> FrameLike:
    """Uniform noise on the position of every object's points.

    Parameter: its largest value in x, y and z each, 2 4 6 8 10 cm to either side. Source and values: 3D_Corruptions_AD (Dong
    et al., CVPR 2023), local uniform noise, whose public code adds the same noise to the intensity, too.
    """
    rows = pick_points(frame).rows
    return _moved(
        frame, rows, streams.per_frame("lidar").uniform(-half_width_m, half_width_m, (len(rows), 3))
    )


def object_impulse_noise(frame: FrameLike, share: float, streams: Streams) -> FrameLike:
    """Some points of the objects jump by 10 cm in x, y and z each, forth or back.

    Parameter: the share of the objects' points, 1/30 1/25 1/20 1/15 1/10. It is exact (to the nearest point) over all
    objects of a frame together, and the same points jump at all larger shares, so that objects of a few points are hit as
    often as others. Source and values: 3D_Corruptions_AD (Dong et al., CVPR 2023), local impulse noise, whose public code
    rounds down per object (those of fewer than 10 to 30 points stay) and changes the intensity, too.
    """
    rows = pick_points(frame).rows
    rng = streams.nested_per_frame("lidar")
    hit = rng.permutation(len(rows))[: round(share * len(rows))]
    sign = rng.choice((-1.0, 1.0), (len(rows), 3))
    return _moved(frame, rows[hit], IMPULSE_M * sign[hit])


def _moved(frame: FrameLike, rows: Int64, shift: Float64) -> FrameLike:
    """The frame with some points shifted by (K, 3) metres."""
    points = frame.points.copy()
    points[rows, :3] += shift.astype(np.float32)
    return frame.replace(points=points)
