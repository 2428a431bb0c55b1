"""Assembly of a changed cloud.

Rows that stay keep their bytes and their order, and new returns come after them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calico.frame import Bool, Float64, Frame, Int64
from calico_eval.attacks.lidar.rays import RANGE_MARGIN_M, Rays


@dataclass(frozen=True)
class Returns:
    """K spoofed returns, one per ray.

    Attributes:
        ray: (K,) index into `Rays`.
        range_m: (K,) range from the sensor [m].
        intensity: (K,) from 0 to 1.
    """

    ray: Int64
    range_m: Float64
    intensity: Float64

    @staticmethod
    def none() -> Returns:
        """Make an empty set of returns."""
        return Returns(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))

    def __len__(self) -> int:
        return len(self.ray)

    def select(self, keep: Bool | Int64) -> Returns:
        """Select the returns that `keep` (mask or indices) picks."""
        return Returns(self.ray[keep], self.range_m[keep], self.intensity[keep])

    def joined(self, other: Returns) -> Returns:
        """Return these and the others."""
        return Returns(
            np.concatenate([self.ray, other.ray]),
            np.concatenate([self.range_m, other.range_m]),
            np.concatenate([self.intensity, other.intensity]),
        )

    def xyz(self, rays: Rays) -> Float64:
        """Compute where the returns are, (K, 3) [m, LiDAR frame]."""
        result: Float64 = rays.origin + rays.direction[self.ray] * self.range_m[:, None]
        return result


def find_untouched(rays: Rays, returns: Returns) -> Bool:
    """Tell which points stay because their ray gets no spoofed return.

    A ray has one return, so the points that a spoofed one replaces or hides go.

    Args:
        rays: Rays of the frame.
        returns: Spoofed returns.

    Returns:
        (N,) mask of the frame's points.
    """
    used = np.zeros(len(rays) + 1, np.bool_)
    used[returns.ray] = True
    free: Bool = ~used[
        rays.ray_of_row
    ]  # -1, of other sweeps, looks at the last entry, which is of no ray
    return free


def add_returns(frame: Frame, rays: Rays, returns: Returns) -> Frame:
    """Return the frame with spoofed returns on some rays.

    They belong to the keyframe's sweep, with ring, dt and elongation of the ray they are on.

    Args:
        frame: The frame.
        rays: Its rays.
        returns: The spoofed returns.
    """
    like = rays.like[returns.ray]
    rows = np.column_stack([returns.xyz(rays), returns.intensity, frame.points[like, 4]]).astype(
        np.float32
    )
    kept = np.flatnonzero(find_untouched(rays, returns))
    added = len(frame.points) + np.arange(len(rows))
    return frame.append_points(rows, like).take_points(np.concatenate([kept, added]))


def choose_within_budget(rays: Rays, ray: Int64, taken: Int64, added: int, removed: int) -> Int64:
    """Choose the first of the wanted rays that the budget allows; no ray twice, none of `taken`.

    Args:
        rays: Rays of the frame.
        ray: (K,) wanted rays, in the order of preference.
        taken: Rays that have a spoofed return already. They count.
        added: The whole budget of points.
        removed: The whole budget of points.

    Returns:
        Indices into `ray`.
    """
    seen = set(taken.tolist())
    left, spare = added - len(taken), removed - int(rays.returns[taken].sum())
    chosen: list[int] = []
    for index, one in enumerate(ray.tolist()):
        if left <= 0:
            break
        cost = int(rays.returns[one])
        if one not in seen and cost <= spare:
            chosen.append(index)
            seen.add(one)
            left, spare = left - 1, spare - cost
    return np.array(chosen, np.int64)


def range_limits(rays: Rays, r_min_m: float) -> tuple[float, float]:
    """Return the nearest and farthest range that a spoofed return may have [m].

    The farthest is the largest that the sensor reported in this frame.

    Args:
        rays: Rays of the frame.
        r_min_m: Smallest range that the threat allows [m].
    """
    return r_min_m + RANGE_MARGIN_M, rays.reach_m - RANGE_MARGIN_M
