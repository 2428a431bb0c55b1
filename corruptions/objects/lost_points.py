"""Objects that return fewer points than they should."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import Float64, FrameLike, select_points
from corruptions.objects.pick import Picked, pick_points
from corruptions.rng import Streams


def object_density(frame: FrameLike, share_lost: float, streams: Streams) -> FrameLike:
    """Lose a random share of every object's points; the rest of the frame stays.

    Args:
        frame: Frame to corrupt.
        share_lost: Share lost of every object, exactly (to the nearest point). Severities: 0.1,
            0.2, 0.3, 0.4, 0.5.
        streams: Random streams of the corruption and frame.

    Source:
        3D_Corruptions_AD (Dong et al., CVPR 2023), local density decrease.
    """
    picked = pick_points(frame)
    return _without_first(
        frame, picked, streams.per_frame("lidar").random(len(picked.rows)), share_lost
    )


def object_cutout(frame: FrameLike, share_lost: float, streams: Streams) -> FrameLike:
    """Lose a connected part of every object: the points nearest to a random one of its points.

    Args:
        frame: Frame to corrupt.
        share_lost: Share lost of every object, exactly (to the nearest point). Severities: 0.3,
            0.4, 0.5, 0.6, 0.7.
        streams: Random streams of the corruption and frame.

    Source:
        3D_Corruptions_AD (Dong et al., CVPR 2023), local cutout.
    """
    picked = pick_points(frame)
    xyz = frame.points[picked.rows, :3].astype(np.float64)
    first = np.cumsum(picked.counts) - picked.counts
    centre = first + (streams.per_frame("lidar").random(len(picked.counts)) * picked.counts).astype(
        np.int64
    )
    distance = np.linalg.norm(xyz - xyz[centre[picked.owner]], axis=1)
    return _without_first(frame, picked, distance, share_lost)


def object_echo(frame: FrameLike, share_lost: float, streams: Streams) -> FrameLike:
    """Make objects dark: most echoes are too weak to be detected, the darkest parts first.

    The power of an echo is its point's intensity times fully developed speckle (an exponential
    random number). The weakest are lost.

    Args:
        frame: Frame to corrupt.
        share_lost: Share lost of every object, exactly (to the nearest point). Severities: 0.75,
            0.80, 0.85, 0.90, 0.95.
        streams: Random streams of the corruption and frame.

    Source:
        Robo3D (Kong et al., ICCV 2023), incomplete echo, with 75, 85, 95 % of the points of
        vehicles drawn at random. Here all labelled objects are dark, as a corruption sees no
        classes.
    """
    picked = pick_points(frame)
    speckle = streams.per_frame("lidar").standard_exponential(len(picked.rows))
    return _without_first(frame, picked, frame.points[picked.rows, 3] * speckle, share_lost)


def _without_first(frame: FrameLike, picked: Picked, key: Float64, share: float) -> FrameLike:
    """Remove the given share of every object's points, those of the smallest keys (K,)."""
    order = np.lexsort((key, picked.owner))
    first = np.cumsum(picked.counts) - picked.counts
    rank = np.arange(len(order)) - first[picked.owner]
    lost = order[rank < np.rint(share * picked.counts)[picked.owner]]
    keep = np.ones(len(frame.points), np.bool_)
    keep[picked.rows[lost]] = False
    return select_points(frame, keep)
