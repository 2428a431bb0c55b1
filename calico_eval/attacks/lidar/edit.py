"""Puts a changed cloud together: rows that stay keep their bytes and their order, new returns come after them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calico.frame import Bool, Float64, Frame, Int64
from calico_eval.attacks.lidar.rays import RANGE_MARGIN_M, Rays


@dataclass(frozen=True)
class Returns:
    """K spoofed returns, one a ray: ray (K,) index into `Rays`, range_m (K,) from the sensor, intensity (K,) in 0..1."""

    ray: Int64
    range_m: Float64
    intensity: Float64

    @staticmethod
    def none() -> Returns:
        """No returns."""
        return Returns(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))

    def __len__(self) -> int:
        return len(self.ray)

    def select(self, keep: Bool | Int64) -> Returns:
        """Those that `keep` (mask or indices) picks."""
        return Returns(self.ray[keep], self.range_m[keep], self.intensity[keep])

    def joined(self, other: Returns) -> Returns:
        """These and the others."""
        return Returns(
            np.concatenate([self.ray, other.ray]),
            np.concatenate([self.range_m, other.range_m]),
            np.concatenate([self.intensity, other.intensity]),
        )

    def xyz(self, rays: Rays) -> Float64:
        """(K, 3) where they are [m, LiDAR frame]."""
        result: Float64 = rays.origin + rays.direction[self.ray] * self.range_m[:, None]
        return result


def without(frame: Frame, keep: Bool) -> Frame:
    """The frame with the points of the mask only; every other row keeps its bytes."""
    return frame.replace(
        points=frame.points[keep],
        ring=frame.ring[keep],
        sweep_index=frame.sweep_index[keep],
        elongation=None if frame.elongation is None else frame.elongation[keep],
    )


def untouched(rays: Rays, returns: Returns) -> Bool:
    """(N,) the frame's points whose ray gets no spoofed return. One return a ray: what a spoofed one replaces or hides goes."""
    used = np.zeros(len(rays) + 1, np.bool_)
    used[returns.ray] = True
    free: Bool = ~used[
        rays.ray_of_row
    ]  # -1, of other sweeps, looks at the last entry, which is of no ray
    return free


def with_returns(frame: Frame, rays: Rays, returns: Returns) -> Frame:
    """The frame in which these rays return what the attacker wants: of the keyframe's sweep, with ring, dt and elongation of the
    ray they are on."""
    kept = without(frame, untouched(rays, returns))
    like = rays.like[returns.ray]
    rows = np.column_stack([returns.xyz(rays), returns.intensity, frame.points[like, 4]]).astype(
        np.float32
    )
    return kept.replace(
        points=np.concatenate([kept.points, rows]),
        ring=np.concatenate([kept.ring, rays.ring[returns.ray].astype(kept.ring.dtype)]),
        sweep_index=np.concatenate([kept.sweep_index, np.zeros(len(rows), kept.sweep_index.dtype)]),
        elongation=None
        if frame.elongation is None or kept.elongation is None
        else np.concatenate([kept.elongation, frame.elongation[like]]),
    )


def within_budget(rays: Rays, ray: Int64, taken: Int64, added: int, removed: int) -> Int64:
    """Of the wanted rays (K,), the first ones that the budget allows, as indices into `ray`; no ray twice, none of `taken`.

    added, removed: the whole budget; `taken` counts.
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
    """Nearest and farthest range that a spoofed return may have [m]; the farthest is what the sensor reported in this frame."""
    return r_min_m + RANGE_MARGIN_M, rays.reach_m - RANGE_MARGIN_M
