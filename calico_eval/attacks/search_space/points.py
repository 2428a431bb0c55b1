"""The search space of the LiDAR: how far every point moves, and its intensity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from calico.data.batch import Batch, collate_frames
from calico.frame import Float32, Float64, Frame
from calico_eval.attacks.budget.threat import Threat
from calico_eval.attacks.search_space.base import Domain, clamp_keeping_gradient


class PointDomain(Domain):
    """Points as a latent box of shape (B, 1, N, C): u in [0, 1], clean 0.5, eps 0.5.

    u is decoded to metres and to intensity. `range_m` has one column: point i moves by (2 u_i - 1)
    eps_i along its ray from the place of its sweep's sensor, and not below r_min. `axis_m` has
    three columns, one coordinate each. `intensity` adds one more. eps_i is the budget less two
    float32 roundings at that point, so that the stored point is within budget exactly. It is 0 for
    points that are closer than r_min. An intensity stays within 0..1, or where it is; its budget is
    less two roundings, too.
    """

    def __init__(self, frames: Sequence[Frame], threat: Threat, device: torch.device) -> None:
        self._frames, self._threat = frames, threat
        self.base = collate_frames(frames).to(device)
        mask = self.base.point_mask
        slots = mask.shape[1]
        self._columns = (1 if threat.range_m else 3 if threat.axis_m else 0) + bool(
            threat.intensity
        )
        self._reach = [_Reach(frame, threat) for frame in frames]
        self._tensors = [
            torch.from_numpy(
                np.stack([_padded(getattr(part, name), slots) for part in self._reach])
            )
            .float()
            .to(device)
            for name in ("eps_m", "lowest_m", "axes", "intensity")
        ]
        clean = torch.full((len(frames), 1, slots, self._columns), 0.5, device=device)
        own = None if bool(mask.all()) else mask[:, None, :, None].expand(clean.shape)
        super().__init__(clean, 0.5, own)

    def make_batch(self, x: Tensor) -> Batch:
        """See `Domain.make_batch`."""
        eps, lowest, axes, most = self._tensors
        points = self.base.points
        xyz, intensity = points[..., :3], points[..., 3:4]
        latent = 2.0 * x[:, 0] - 1.0
        if self._threat.range_m or self._threat.axis_m:
            columns = latent[..., : 1 if self._threat.range_m else 3]
            xyz = xyz + clamp_keeping_gradient(columns * eps, lowest, torch.inf) * axes
        if self._threat.intensity:
            low, high = intensity.clamp_max(0.0), intensity.clamp_min(1.0)
            shifted = clamp_keeping_gradient(intensity + latent[..., -1:] * most, low, high)
            intensity = torch.where(self.base.point_mask[..., None], shifted, intensity)
        return replace(self.base, points=torch.cat([xyz, intensity, points[..., 4:]], dim=2))

    def deliver_frames(self, x: Tensor) -> list[Frame]:
        """See `Domain.deliver_frames`. A point with no offset keeps its bytes."""
        latent: Float64 = 2.0 * x.detach()[:, 0].cpu().numpy().astype(np.float64) - 1.0
        return [
            self._delivered(frame, reach, latent[row, : len(frame.points)])
            for row, (frame, reach) in enumerate(zip(self._frames, self._reach, strict=True))
        ]

    def measure_shares(self, gradient: Tensor, row: int) -> tuple[float, ...]:
        """See `Domain.measure_shares`.

        Args:
            gradient: Gradient like x.
            row: Index of the frame.
        """
        count = len(self._frames[row].points)
        return (float((gradient[row, 0, :count] != 0).any(dim=1).float().mean()) if count else 0.0,)

    def _delivered(self, frame: Frame, reach: _Reach, latent: Float64) -> Frame:
        points: Float32 = frame.points.copy()
        if self._threat.range_m or self._threat.axis_m:
            columns = latent[:, : 1 if self._threat.range_m else 3]
            offsets = np.maximum(columns * reach.eps_m, reach.lowest_m) * reach.axes
            points[:, :3] = _moved(points[:, :3], points[:, :3].astype(np.float64) + offsets)
        if self._threat.intensity:
            before = points[:, 3].astype(np.float64)
            moved = before + latent[:, -1] * reach.intensity[:, 0]
            points[:, 3] = _moved(
                points[:, 3], np.clip(moved, np.minimum(before, 0.0), np.maximum(before, 1.0))
            )
        return frame.replace(points=points)


class _Reach:
    """How far each point of a frame may go, see `PointDomain`.

    Attributes:
        eps_m: (N, 1) largest move [m].
        lowest_m: (N, 1) smallest range [m].
        axes: (N, 3) directions.
        intensity: (N, 1) largest change.
    """

    def __init__(self, frame: Frame, threat: Threat) -> None:
        xyz = frame.points[:, :3].astype(np.float64)
        radius = threat.range_m or threat.axis_m
        largest = (np.abs(xyz).max(axis=1, initial=1.0) + radius).astype(np.float32)
        margin = 2.0 * np.spacing(largest).astype(np.float64)
        budget = np.maximum(radius - margin, 0.0)
        self.eps_m, self.lowest_m = budget[:, None], np.full((len(xyz), 1), -np.inf)
        self.axes: Float64 = np.ones((len(xyz), 3))
        brightest = np.maximum(np.abs(frame.points[:, 3:4]), np.float32(1.0))
        self.intensity: Float64 = np.maximum(
            threat.intensity - 2.0 * np.spacing(brightest).astype(np.float64), 0.0
        )
        if threat.range_m:
            rays = xyz - frame.ray_origins
            ranges = np.linalg.norm(rays, axis=1)
            free = ranges > threat.r_min_m + margin
            self.eps_m = np.where(free, budget, 0.0)[:, None]
            self.lowest_m = np.where(free, threat.r_min_m + margin - ranges, 0.0)[:, None]
            self.axes = rays / np.maximum(ranges, np.finfo(np.float32).tiny)[:, None]


def _moved(before: Float32, after: Float64) -> Float32:
    """`after` in float32; what is equal keeps its bytes, a zero its sign (-0.0 + 0.0 is 0.0)."""
    rounded: Float32 = after.astype(np.float32)
    return np.where(rounded == before, before, rounded)


def _padded(values: Float64, slots: int) -> Float64:
    result: Float64 = np.zeros((slots, values.shape[1]))
    result[: len(values)] = values
    return result
