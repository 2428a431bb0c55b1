"""The rays of a LiDAR's keyframe sweep, estimated from one frame.

They tell where a spoofed return can be and what it replaces.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from calico.frame import Bool, Float64, Frame, Int16, Int64
from calico_eval.attacks.lidar.aim import in_window

SAME_RAY_STEPS = 0.25
"""Returns of one beam that are closer than this share of its azimuth step are of one ray (a second
echo)."""
SAME_DIRECTION_RAD = 1e-5
TILT_DEG = 1.0
"""A gap in a ring is filled where its two ends differ by at most this in elevation."""
ORIGIN_M = 0.05
"""A return closer than this has no direction to speak of."""
RANGE_MARGIN_M = 1e-4
"""What float32 may do to the range of a point that is put on a ray."""


@dataclass(frozen=True)
class Rays:
    """R rays from one place.

    Attributes:
        origin: (3,) [m, LiDAR frame].
        direction: (R, 3) unit vectors.
        ring: (R,) int16, -1 if the sensor does not tell.
        like: (R,) row of the frame that a return of this ray resembles in dt and elongation: its
            own, or its ring's nearest.
        returns: (R,) how many returns it has now.
        ray_of_row: (N,) the ray of each of the frame's points, -1 for points of other sweeps or
            LiDARs.
        reach_m: The largest range in the sweep [m], which the sensor is known to report.
    """

    origin: Float64
    direction: Float64
    ring: Int16
    like: Int64
    returns: Int64
    ray_of_row: Int64
    reach_m: float

    def __len__(self) -> int:
        return len(self.direction)

    def window(self, frame: Frame, center_rad: float, window_deg: float) -> Bool:
        """Tell which rays lie in an azimuth window, with all of their present returns.

        Args:
            frame: The frame.
            center_rad: Azimuth of the window's middle [rad].
            window_deg: Width of the window [deg].

        Returns:
            (R,) mask.
        """
        inside = in_window(self.direction, center_rad, window_deg)
        rows = np.flatnonzero(self.ray_of_row >= 0)
        outside = ~in_window(
            frame.points[rows, :3].astype(np.float64) - self.origin, center_rad, window_deg
        )
        inside[self.ray_of_row[rows[outside]]] = False
        return inside


def rays_of(frame: Frame) -> Rays:
    """Find the rays of the main LiDAR in the keyframe's sweep.

    Every return is on a ray. Second echoes share the ray of the first. If the rings are known, the
    rays that returned nothing are filled in: along a ring, returns that are k azimuth steps
    apart (the median step of the frame) have k - 1 rays between them, evenly spaced in azimuth and
    elevation. So the grid follows a cloud that was corrected for motion, in which a ring is no
    plane curve. Without rings (-1) only the rays that returned something are known, and every
    return has one of its own.
    """
    rows, origin, azimuth, elevation, reach = _sweep(frame)
    ring = frame.ring[rows]
    order = np.lexsort((azimuth, ring))
    step = _azimuth_step(azimuth[order], ring[order])
    parts: list[tuple[Float64, Float64, Int16, Int64]] = []
    ray_of_row: Int64 = np.full(len(frame.points), -1, np.int64)
    count = 0
    starts = (
        np.flatnonzero(np.diff(ring[order], prepend=-2) != 0)
        if len(order)
        else np.zeros(0, np.int64)
    )
    for members in np.split(order, starts[1:]) if len(order) else []:
        beam = _Ring(azimuth[members], elevation[members], step if ring[members[0]] >= 0 else 0.0)
        ray_of_row[rows[members]] = count + beam.ray
        az, el, nearest = beam.filled()
        parts.append((az, el, np.full(len(az), ring[members[0]], np.int16), rows[members][nearest]))
        count += len(az)
    az, el, rings, like = (
        (np.concatenate(column) for column in zip(*parts, strict=True)) if parts else _NOTHING
    )
    direction: Float64 = np.stack(
        [np.cos(el) * np.cos(az), np.cos(el) * np.sin(az), np.sin(el)], axis=1
    )
    returns = np.bincount(ray_of_row[ray_of_row >= 0], minlength=count).astype(np.int64)
    return Rays(origin, direction, rings, like, returns, ray_of_row, reach)


_NOTHING = (np.zeros(0), np.zeros(0), np.zeros(0, np.int16), np.zeros(0, np.int64))


def _sweep(frame: Frame) -> tuple[Int64, Float64, Float64, Float64, float]:
    """Select the rows of the keyframe's sweep that have a direction.

    Returns:
        The rows, the sensor's place, azimuth and elevation of the rows [rad], the largest range
        [m].
    """
    origin, rows = frame.main_origin, frame.main_sweep
    offset = frame.points[rows, :3].astype(np.float64) - origin
    distance = np.linalg.norm(offset, axis=1)
    rows, offset = rows[distance > ORIGIN_M], offset[distance > ORIGIN_M]
    azimuth = np.arctan2(offset[:, 1], offset[:, 0])
    elevation = np.arctan2(offset[:, 2], np.hypot(offset[:, 0], offset[:, 1]))
    return rows, origin, azimuth, elevation, float(distance.max(initial=0.0))


def _azimuth_step(azimuth: Float64, ring: Int16) -> float:
    """Measure the median angle between neighbours of a known ring [rad], or 0 if it is unknown.

    The returns come in the order of ring and azimuth.
    """
    gaps = np.diff(azimuth)[(np.diff(ring) == 0) & (ring[1:] >= 0)]
    gaps = gaps[gaps > SAME_DIRECTION_RAD]
    return float(np.median(gaps)) if len(gaps) >= 2 else 0.0


class _Ring:
    """The returns of one beam in the order of azimuth.

    Attributes:
        step: Azimuth step of its sensor [rad], or 0 if unknown, and then no returns belong
            together.
        ray: (n,) the ray of each return, counted from 0.
    """

    def __init__(self, azimuth: Float64, elevation: Float64, step: float) -> None:
        self.step = step
        apart = np.hypot(np.diff(azimuth), np.diff(elevation)) >= SAME_RAY_STEPS * step
        self.ray: Int64 = np.concatenate([[0], np.cumsum(apart)]).astype(np.int64)
        self.first: Int64 = np.concatenate([[0], 1 + np.flatnonzero(apart)]).astype(np.int64)
        self.azimuth, self.elevation = azimuth[self.first], elevation[self.first]

    def filled(self) -> tuple[Float64, Float64, Int64]:
        """Fill the gaps of the ring.

        Returns:
            Azimuth and elevation of its rays, those with a return first, and the member that each
            resembles.
        """
        az, el, like = [self.azimuth], [self.elevation], [self.first]
        if self.step > 0 and len(self.azimuth) >= 2:
            gap = np.diff(self.azimuth, append=self.azimuth[0] + 2 * np.pi)
            rise = np.diff(self.elevation, append=self.elevation[0])
            missing = np.rint(gap / self.step).astype(np.int64) - 1
            missing[np.abs(rise) > math.radians(TILT_DEG)] = 0
            left = np.repeat(np.arange(len(gap)), np.maximum(missing, 0))
            number = np.arange(len(left)) - np.searchsorted(left, left)
            share = (number + 1) / (missing[left] + 1)
            az.append((self.azimuth[left] + share * gap[left] + np.pi) % (2 * np.pi) - np.pi)
            el.append(self.elevation[left] + share * rise[left])
            like.append(self.first[np.where(share < 0.5, left, (left + 1) % len(gap))])
        return np.concatenate(az), np.concatenate(el), np.concatenate(like)
