"""The place where an attack makes a false object appear: one per frame.

The attack and the success measure agree on it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

AHEAD_M = 10.0
"""Distance of the wanted place ahead of the LiDAR [m]. A car there makes a planner brake."""
CLEAR_M = 5.0
"""Smallest distance from the target to an object's centre [m].

A box within 2 m of the target then belongs to no object, not even as a match at 2 m.
"""
REACH_M = 15.5
"""Half of the side of the square that targets lie in [m]; every BEV grid covers it."""


def false_target(xy_m: npt.NDArray[np.floating]) -> tuple[float, float] | None:
    """Find the free place nearest to (AHEAD_M, 0) in the LiDAR frame.

    Places are 1 m apart, at x, y = -0.5, 0.5, 1.5 ... up to REACH_M. If places are equally near,
    the one with the smallest y and then x is taken.

    Args:
        xy_m: (M, 2) centres of the objects with LiDAR points, in the LiDAR frame.
    """
    line = np.arange(-REACH_M, REACH_M + 0.5)
    places = np.stack(np.meshgrid(line, line), axis=-1).reshape(-1, 2)
    gaps = np.linalg.norm(places[:, None] - xy_m[None].astype(np.float64), axis=-1)
    free = places[gaps.min(axis=1, initial=np.inf) >= CLEAR_M]
    if len(free) == 0:
        return None
    best = free[((free - (AHEAD_M, 0.0)) ** 2).sum(axis=1).argmin()]
    return float(best[0]), float(best[1])
