"""The object that a LiDAR attack is about, and the points in its azimuth window."""

from __future__ import annotations

import math

import numpy as np

from calico.frame import Bool, Float64, Frame
from calico_eval.attacks.budget.threat import Threat

AHEAD_DEG = 45.0
"""An object is ahead where its azimuth is within this of the x axis."""

WINDOW_MARGIN_DEG = 1e-4
"""What float32 may do to the azimuth of a point that is put on a ray; windows are narrower by it on
both sides."""


def choose_object(frame: Frame) -> tuple[int, str]:
    """Choose the object that an attack is about if the user names none.

    It is the nearest object ahead with LiDAR points, or the nearest of all.

    Returns:
        Its row in `frame.boxes` (-1 if there is no object), and a note if it is not ahead.
    """
    seen = np.flatnonzero(frame.boxes.num_points > 0)
    if len(seen) == 0:
        return -1, "no object with LiDAR points: aimed straight ahead"
    xy = frame.boxes.boxes[seen, :2].astype(np.float64)
    distance = np.hypot(xy[:, 0], xy[:, 1])
    ahead = np.abs(np.arctan2(xy[:, 1], xy[:, 0])) <= math.radians(AHEAD_DEG)
    if ahead.any():
        return int(seen[np.argmin(np.where(ahead, distance, np.inf))]), ""
    return int(seen[np.argmin(distance)]), "no object ahead: aimed at the nearest"


def azimuth_of(frame: Frame, row: int) -> float:
    """Return the azimuth of an object from the sensor.

    Args:
        frame: The frame.
        row: Row of the object in `frame.boxes`.

    Returns:
        The azimuth [rad], or 0 for row -1.
    """
    if row < 0:
        return 0.0
    x, y = frame.boxes.boxes[row, :2].astype(np.float64) - frame.main_origin[:2]
    return math.atan2(y, x)


def in_window(offsets: Float64, center_rad: float, window_deg: float) -> Bool:
    """Tell which offsets from the sensor lie in an azimuth window.

    Args:
        offsets: (N, 3) offsets [m].
        center_rad: Azimuth of the window's middle [rad].
        window_deg: Width of the window [deg]. 360 holds everything.

    Returns:
        (N,) mask.
    """
    if window_deg >= 360.0:
        return np.ones(len(offsets), np.bool_)
    azimuth = np.arctan2(offsets[:, 1], offsets[:, 0])
    away = np.abs((azimuth - center_rad + np.pi) % (2 * np.pi) - np.pi)
    inside: Bool = away <= math.radians(window_deg / 2 - WINDOW_MARGIN_DEG)
    return inside


def count_removable(threat: Threat, frame: Frame) -> int:
    """Count how many points may vanish.

    It is the larger of `points_removed` and `removed_share` of the frame's points.

    Args:
        threat: The allowances.
        frame: The frame.
    """
    n = len(frame.points)
    share = math.floor(threat.removed_share * n + 1e-6)
    while n and share / n > threat.removed_share:
        share -= 1
    return min(n, max(threat.points_removed, share))
