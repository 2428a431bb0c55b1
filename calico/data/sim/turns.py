"""Turning off at a junction: a path from one lane into another."""

from __future__ import annotations

import numpy as np

from calico.data.sim.layout import Lane, Layout
from calico.data.sim.paths import Path

TURN_MPS = 5.5
"""Speed of a vehicle that turns off."""


def turn_paths(layout: Layout, lane: Lane, after_m: float) -> list[Path]:
    """List the paths that leave a lane of the main road for the outermost lanes of the side road.

    Args:
        layout: The streets.
        lane: The lane.
        after_m: Station of the lane [m] before which no turn may begin.

    Returns:
        One path for each direction of the side road.
    """
    if len(layout.roads) < 2:
        return []
    crossing_at = lane.path.project(layout.roads[0].center.at(layout.junction_m[0])[0])
    side = layout.roads[1]
    found = []
    for target in layout.lanes:
        outermost = target.index == (side.forward if target.forward else side.backward) - 1
        if target.road != 1 or not outermost:
            continue
        middle = target.path.project(lane.path.at(crossing_at)[0])
        if layout.kind == "t_junction" and target.stop_m:
            continue
        path = _joined(lane.path, crossing_at, target.path, middle, after_m)
        if path is not None:
            found.append(path)
    return found


def _joined(first: Path, leave: float, second: Path, enter: float, after_m: float) -> Path | None:
    """The first path up to a curve into the second one; None if it would begin too early."""
    (corner_a, heading_a), (corner_b, heading_b) = first.at(leave), second.at(enter)
    a, b = (
        np.array([np.cos(heading_a), np.sin(heading_a)]),
        np.array([np.cos(heading_b), np.sin(heading_b)]),
    )
    distance = np.linalg.solve(np.stack([a, -b], axis=1), corner_b - corner_a)
    corner = corner_a + distance[0] * a
    left = a[0] * b[1] - a[1] * b[0] > 0
    radius = 11.0 if left else 8.0
    start, stop = leave + float(distance[0]) - radius, enter + float(distance[1]) + radius
    if start < after_m:
        return None
    t = np.linspace(0, 1, 14)[1:-1, None]
    ends = first.at(start)[0], second.at(stop)[0]
    curve = (1 - t) ** 2 * ends[0] + 2 * t * (1 - t) * corner + t**2 * ends[1]
    before, behind = first.xy[first.s < start - 0.1], second.xy[second.s > stop + 0.1]
    return Path.of(np.concatenate([before, ends[0][None], curve, ends[1][None], behind]))
