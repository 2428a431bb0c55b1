"""Echoes that come back twice."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import FrameLike
from corruptions.lidar.rays import origins
from corruptions.rng import Streams


def ghost_points(frame: FrameLike, share: float, streams: Streams) -> FrameLike:
    """Bright surfaces echo twice, by way of the own vehicle: a faint copy stands on the same ray, twice as far.

    Parameter: the number of ghosts as a share of the points, 0.5 1 2 3 5 %: round(share * N) points are added, and none lost. A
    pulse that a retro-reflector sends back, the own vehicle mirrors and the reflector sends back again has travelled twice the
    way, and is weakened by the reflectivity twice: at range 2 R, of intensity i^2. Points are drawn without replacement with
    probabilities proportional to i^2, from those whose ghost is no farther than the frame's farthest point (a sensor's reach);
    fewer ghosts where they do not suffice. A ghost has ring, sweep and time of its ray.
    Own model of the fault "ghost objects" that Goelles et al., "Fault Detection, Isolation, Identification and Recovery (FDIIR)
    Methods for Automotive Perception Sensors", Sensors 2020, describe.
    """
    start = origins(frame)
    ray = frame.points[:, :3] - start
    distance2 = np.einsum("ni,ni->n", ray, ray)
    intensity = frame.points[:, 3]
    able = np.flatnonzero((4 * distance2 <= distance2.max(initial=0.0)) & (intensity > 0))
    # The smallest of Exp(1) / weight are a weighted draw without replacement (Efraimidis & Spirakis, 2006).
    keys = streams.nested("lidar").standard_exponential(len(distance2))[able] / intensity[able].astype(np.float64) ** 2
    source = able[np.argsort(keys)[: round(share * len(distance2))]]
    ghosts = frame.points[source]
    ghosts[:, :3] = start[source] + 2 * ray[source]
    ghosts[:, 3] **= 2
    elongation = frame.elongation
    return frame.replace(
        points=np.concatenate([frame.points, ghosts]),
        ring=np.concatenate([frame.ring, frame.ring[source]]),
        sweep_index=np.concatenate([frame.sweep_index, frame.sweep_index[source]]),
        elongation=None if elongation is None else np.concatenate([elongation, elongation[source]]),
    )
