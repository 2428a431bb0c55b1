"""Where a false object is to appear: one place per frame, known to the attack and to whoever counts its successes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

AHEAD_M = 10.0
"""The wanted place is so far straight ahead of the LiDAR: near enough that a car there makes a planner brake."""
CLEAR_M = 5.0
"""No object's centre is closer to the target: a box within 2 m of it belongs to none of them, not even as a match at 2 m."""
REACH_M = 15.5
"""Targets lie on the half metres within this square, the part that every BEV grid has."""


def false_target(xy_m: npt.NDArray[np.floating]) -> tuple[float, float] | None:
    """The free place nearest to (AHEAD_M, 0) in the LiDAR frame, or None where there is none. Depends on nothing else.

    Places are 1 m apart, at x, y = -0.5, 0.5, 1.5 ... up to REACH_M; of equally near ones the one of the smallest y, then x.

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
