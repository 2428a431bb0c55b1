"""Where a gradient attack searches: one tensor in [0, 1] with one L-infinity ball, whatever the sensor.

torchattacks knows one input tensor in [0, 1], one eps and one step size. A domain gives it that, and turns the tensor into
a batch (differentiable, for the model) and into a frame (as a sensor delivers it, for everyone else).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from calico.data.batch import Batch, collate
from calico.frame import Float32, Float64, Frame, UInt8
from calico_eval.attacks.budget import ray_origins
from calico_eval.attacks.threat import AttackSpec


class Domain(Protocol):
    """The search space of one attack on one frame.

    clean: (1, C, H, W) in [0, 1], the tensor of the clean frame. eps, step: in the unit of that tensor.
    """

    clean: Tensor
    eps: float
    step: float

    def batch(self, x: Tensor) -> Batch:
        """The batch that x stands for, differentiable with respect to x."""
        ...

    def frame(self, x: Tensor) -> Frame:
        """The frame that x stands for, within budget after rounding to uint8 or float32."""
        ...


def make_domain(frame: Frame, spec: AttackSpec, device: torch.device) -> Domain:
    """The search space for the spec's sensor."""
    return PixelDomain(frame, spec, device) if spec.sensor == "camera" else PointDomain(frame, spec, device)


class PixelDomain:
    """All views of a frame as one image of 3 V channels, in raw pixels / 255.

    One tensor for all views, not one per view: attacks divide by a gradient's mean over an image, which is NaN where a view
    gets no gradient. The model's resizing and normalisation lie behind this tensor, so the budget is in raw grey levels.
    """

    def __init__(self, frame: Frame, spec: AttackSpec, device: torch.device) -> None:
        self._frame, self._eps_levels = frame, int(spec.eps)
        self._base = collate([frame]).to(device)
        self._shape = self._base.images.shape
        _, views, channels, height, width = self._shape
        self.clean = self._base.images.reshape(1, views * channels, height, width)
        self.eps, self.step = spec.eps / 255.0, spec.step / 255.0

    def batch(self, x: Tensor) -> Batch:
        """See `Domain.batch`. Pixels that only pad a smaller view stay as they are."""
        images = x.reshape(self._shape)
        if len({image.shape for image in self._frame.images}) > 1:
            images = torch.where(self._inside(), images, self._base.images)
        return replace(self._base, images=images)

    def frame(self, x: Tensor) -> Frame:
        """See `Domain.frame`. Rounds to the nearest level, then clips the change in integers: eps is never overstepped."""
        levels = np.rint(x.detach().reshape(self._shape)[0].cpu().numpy().astype(np.float64) * 255.0).astype(np.int16)
        images = [
            self._within(levels[view, :, : image.shape[0], : image.shape[1]].transpose(1, 2, 0), image)
            for view, image in enumerate(self._frame.images)
        ]
        return self._frame.replace(images=tuple(images))

    def _within(self, levels: np.ndarray[tuple[int, ...], np.dtype[np.int16]], image: UInt8) -> UInt8:
        center = image.astype(np.int16)
        low, high = np.maximum(center - self._eps_levels, 0), np.minimum(center + self._eps_levels, 255)
        return np.clip(levels, low, high).astype(np.uint8)

    def _inside(self) -> Tensor:
        inside = torch.zeros(self._shape, dtype=torch.bool, device=self.clean.device)
        for view, image in enumerate(self._frame.images):
            inside[:, view, :, : image.shape[0], : image.shape[1]] = True
        return inside


class PointDomain:
    """Point positions as a latent box: u in [0, 1], clean 0.5, eps 0.5, decoded to metres.

    "ray": u is (1, 1, N, 1); point i moves by (2 u_i - 1) eps_i along its ray from the place of its sweep's sensor, and not
    below r_min. "box": u is (1, 1, N, 3), one coordinate each. eps_i is the budget less two float32 roundings at that
    point, so that the stored point is within budget exactly; it is 0 for points that are closer than r_min.
    """

    def __init__(self, frame: Frame, spec: AttackSpec, device: torch.device) -> None:
        self._frame = frame
        self._base = collate([frame]).to(device)
        xyz = frame.points[:, :3].astype(np.float64)
        margin = 2.0 * np.spacing((np.abs(xyz).max(axis=1, initial=1.0) + spec.eps).astype(np.float32)).astype(
            np.float64
        )
        budget = np.maximum(spec.eps - margin, 0.0)
        if spec.geometry == "ray":
            rays = xyz - ray_origins(frame)
            ranges = np.linalg.norm(rays, axis=1)
            free = ranges > spec.r_min_m + margin
            self._eps_m = np.where(free, budget, 0.0)[:, None]
            self._lowest_m = np.where(free, spec.r_min_m + margin - ranges, 0.0)[:, None]
            self._axes = rays / np.maximum(ranges, np.finfo(np.float32).tiny)[:, None]
        else:
            self._eps_m, self._lowest_m = budget[:, None], np.full((len(xyz), 1), -np.inf)
            self._axes = np.ones((len(xyz), 1))
        self._tensors = [
            torch.from_numpy(array).float().to(device) for array in (self._eps_m, self._lowest_m, self._axes)
        ]
        self.clean = torch.full((1, 1, len(xyz), 1 if spec.geometry == "ray" else 3), 0.5, device=device)
        self.eps = 0.5
        self.step = 0.5 * spec.step / spec.eps

    def batch(self, x: Tensor) -> Batch:
        """See `Domain.batch`."""
        eps, lowest, axes = self._tensors
        offsets = torch.maximum((2.0 * x[0, 0] - 1.0) * eps, lowest) * axes
        moved = self._base.points[0, :, :3] + offsets
        points = torch.cat([moved, self._base.points[0, :, 3:]], dim=1)[None]
        return replace(self._base, points=points)

    def frame(self, x: Tensor) -> Frame:
        """See `Domain.frame`. A point with no offset keeps its bytes."""
        latent: Float64 = x.detach()[0, 0].cpu().numpy().astype(np.float64)
        offsets = np.maximum((2.0 * latent - 1.0) * self._eps_m, self._lowest_m) * self._axes
        points: Float32 = self._frame.points.copy()
        points[:, :3] = (points[:, :3].astype(np.float64) + offsets).astype(np.float32)
        return self._frame.replace(points=points)
