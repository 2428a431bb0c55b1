"""Where an attack searches: one tensor in [0, 1] with one ball about the clean input, whatever the sensor, for a batch of frames.

torchattacks, and every attack on images, knows one input tensor in [0, 1], one eps and one step size. A domain gives them that,
and turns the tensor into a batch (differentiable, for the model) and into frames (as a sensor delivers them, for everyone else).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from calico.data.batch import Batch, collate
from calico.errors import CalicoError
from calico.frame import Float32, Float64, Frame, UInt8
from calico_eval.attacks.budget import ray_origins
from calico_eval.attacks.threat import Threat

Norm = Literal["linf", "l2"]
Streams = Sequence[torch.Generator]
"""One CPU generator per frame, so that a frame's draws depend neither on the others of its batch nor on the device."""


class Domain:
    """The search space of one attack on B frames.

    clean: (B, C, H, W) in [0, 1], the clean frames. eps: radius of the ball about it, in its unit, one for all frames.
    norm: of the ball; an L2 ball is one per frame, over all that the frame has. base: the clean frames as a batch.
    """

    norm: Norm = "linf"
    base: Batch

    def __init__(self, clean: Tensor, eps: float) -> None:
        self.clean, self.eps = clean, eps

    def batch(self, x: Tensor) -> Batch:
        """The batch that x stands for, differentiable with respect to x."""
        raise AssertionError("a domain of no sensor")

    def frames(self, x: Tensor) -> list[Frame]:
        """The frames that x stands for, within budget after rounding to uint8 or float32."""
        raise AssertionError("a domain of no sensor")

    def project(self, x: Tensor) -> Tensor:
        """The nearest point of the ball and of [0, 1] (for L2 one after the other: inside both, not always the nearest)."""
        if self.norm == "linf":
            return torch.minimum(torch.maximum(x, self.clean - self.eps), self.clean + self.eps).clamp(0.0, 1.0)
        delta = x - self.clean
        length = _length(delta)
        return (self.clean + delta * (self.eps / length.clamp_min(1e-12)).clamp_max(1.0)).clamp(0.0, 1.0)

    def ascend(self, x: Tensor, direction: Tensor, share: float | Tensor) -> Tensor:
        """A step of steepest ascent along `direction` by a share of the radius (one, or (B, 1, 1, 1)), projected."""
        step = direction.sign() if self.norm == "linf" else direction / _length(direction).clamp_min(1e-12)
        return self.project(x + share * self.eps * step)

    def random(self, streams: Streams) -> Tensor:
        """A start: uniform in the L-infinity ball; a uniform radius in a Gaussian direction for L2."""
        if self.norm == "linf":
            return self.project(self.clean + self.eps * (2.0 * self._uniform(streams) - 1.0))
        radius = torch.stack([torch.rand(1, 1, 1, generator=stream) for stream in streams]).to(self.clean)
        return self.project(self.clean + radius * self.eps * self._gaussian(streams))

    def corner(self, streams: Streams) -> Tensor:
        """Noise of the full norm: a random corner of the L-infinity ball, a random direction for L2. Every attack's control."""
        if self.norm == "linf":
            return self.project(self.clean + self.eps * (self._uniform(streams) - 0.5).sign())
        return self.project(self.clean + self.eps * self._gaussian(streams))

    def _uniform(self, streams: Streams) -> Tensor:
        return torch.stack([torch.rand(self.clean.shape[1:], generator=stream) for stream in streams]).to(self.clean)

    def _gaussian(self, streams: Streams) -> Tensor:
        noise = torch.stack([torch.randn(self.clean.shape[1:], generator=stream) for stream in streams]).to(self.clean)
        return noise / _length(noise).clamp_min(1e-12)


def make_domain(frames: Sequence[Frame], threat: Threat, device: torch.device) -> Domain:
    """The search space of a threat that moves no point in or out and has no patch.

    Raises:
        CalicoError: the threat allows nothing that changes continuously, or an L2 budget together with another.
    """
    camera = bool(threat.camera_levels or threat.camera_rms)
    lidar = bool(threat.range_m or threat.axis_m or threat.intensity)
    if camera and lidar:
        return JointDomain(frames, threat, device)
    if camera:
        return PixelDomain(frames, threat, device)
    if lidar:
        return PointDomain(frames, threat, device)
    raise CalicoError(
        f"threat {threat}: nothing to search in; expected camera_levels, camera_rms, range_m, axis_m or intensity above 0"
    )


class PixelDomain(Domain):
    """All views of a frame as one image of 3 V channels, in raw pixels / 255.

    One tensor for all views, not one per view: attacks divide by a gradient's mean over an image, which is NaN where a view
    gets no gradient. The model's resizing and normalisation lie behind this tensor, so the budget is in raw grey levels.
    """

    def __init__(self, frames: Sequence[Frame], threat: Threat, device: torch.device) -> None:
        self._frames, self._threat = frames, threat
        self.base = collate(frames).to(device)
        self._shape = self.base.images.shape
        batch, views, channels, height, width = self._shape
        clean = self.base.images.reshape(batch, views * channels, height, width)
        if threat.camera_rms:
            self.norm = "l2"
            values = min(sum(image.size for image in frame.images) for frame in frames)
            super().__init__(clean, threat.camera_rms * values**0.5 / 255.0)
        else:
            super().__init__(clean, threat.camera_levels / 255.0)
        self._pads = len({image.shape for frame in frames for image in frame.images}) > 1

    def batch(self, x: Tensor) -> Batch:
        """See `Domain.batch`. Pixels that only pad a smaller view stay as they are."""
        images = x.reshape(self._shape)
        return replace(
            self.base, images=torch.where(self._inside(), images, self.base.images) if self._pads else images
        )

    def frames(self, x: Tensor) -> list[Frame]:
        """See `Domain.frames`. L-infinity: the nearest level, then the change clipped in integers; L2: the change rounded towards
        zero, which makes no norm larger. Neither can overstep."""
        exact = x.detach().reshape(self._shape).cpu().numpy().astype(np.float64) * 255.0
        return [
            frame.replace(
                images=tuple(
                    self._delivered(exact[row, view, :, : image.shape[0], : image.shape[1]].transpose(1, 2, 0), image)
                    for view, image in enumerate(frame.images)
                )
            )
            for row, frame in enumerate(self._frames)
        ]

    def _delivered(self, exact: Float64, image: UInt8) -> UInt8:
        clean = image.astype(np.int16)
        if self.norm == "l2":
            return (clean + np.trunc(np.round(exact - clean, 3)).astype(np.int16)).clip(0, 255).astype(np.uint8)
        levels = np.rint(exact).astype(np.int16)
        low, high = (
            np.maximum(clean - self._threat.camera_levels, 0),
            np.minimum(clean + self._threat.camera_levels, 255),
        )
        return np.clip(levels, low, high).astype(np.uint8)

    def _inside(self) -> Tensor:
        inside = torch.zeros(self._shape, dtype=torch.bool, device=self.clean.device)
        for row, frame in enumerate(self._frames):
            for view, image in enumerate(frame.images):
                inside[row, view, :, : image.shape[0], : image.shape[1]] = True
        return inside


class PointDomain(Domain):
    """Points as a latent box: u in [0, 1], clean 0.5, eps 0.5, decoded to metres and to intensity. Shape (B, 1, N, C).

    `range_m`: one column; point i moves by (2 u_i - 1) eps_i along its ray from the place of its sweep's sensor, and not below
    r_min. `axis_m`: three columns, one coordinate each. `intensity`: one more. eps_i is the budget less two float32 roundings
    at that point, so that the stored point is within budget exactly; it is 0 for points that are closer than r_min, and for empty
    slots.
    """

    def __init__(self, frames: Sequence[Frame], threat: Threat, device: torch.device) -> None:
        self._frames, self._threat = frames, threat
        self.base = collate(frames).to(device)
        slots = self.base.points.shape[1]
        self._columns = (1 if threat.range_m else 3 if threat.axis_m else 0) + bool(threat.intensity)
        parts = [_Reach(frame, threat) for frame in frames]
        self._reach = parts
        self._tensors = [
            torch.from_numpy(np.stack([_padded(getattr(part, name), slots) for part in parts])).float().to(device)
            for name in ("eps_m", "lowest_m", "axes")
        ]
        self._intensity = max(threat.intensity - 2.0**-22, 0.0)
        super().__init__(torch.full((len(frames), 1, slots, self._columns), 0.5, device=device), 0.5)

    def batch(self, x: Tensor) -> Batch:
        """See `Domain.batch`."""
        eps, lowest, axes = self._tensors
        points = self.base.points
        xyz, intensity = points[..., :3], points[..., 3:4]
        latent = 2.0 * x[:, 0] - 1.0
        if self._threat.range_m or self._threat.axis_m:
            xyz = xyz + torch.maximum(latent[..., : 1 if self._threat.range_m else 3] * eps, lowest) * axes
        if self._threat.intensity:
            shifted = (intensity + latent[..., -1:] * self._intensity).clamp(0.0, 1.0)
            intensity = torch.where(self.base.point_mask[..., None], shifted, intensity)
        return replace(self.base, points=torch.cat([xyz, intensity, points[..., 4:]], dim=2))

    def frames(self, x: Tensor) -> list[Frame]:
        """See `Domain.frames`. A point with no offset keeps its bytes."""
        latent: Float64 = 2.0 * x.detach()[:, 0].cpu().numpy().astype(np.float64) - 1.0
        return [
            self._delivered(frame, reach, latent[row, : len(frame.points)])
            for row, (frame, reach) in enumerate(zip(self._frames, self._reach, strict=True))
        ]

    def _delivered(self, frame: Frame, reach: _Reach, latent: Float64) -> Frame:
        points: Float32 = frame.points.copy()
        if self._threat.range_m or self._threat.axis_m:
            columns = latent[:, : 1 if self._threat.range_m else 3]
            offsets = np.maximum(columns * reach.eps_m, reach.lowest_m) * reach.axes
            points[:, :3] = (points[:, :3].astype(np.float64) + offsets).astype(np.float32)
        if self._threat.intensity:
            moved = points[:, 3].astype(np.float64) + latent[:, -1] * self._intensity
            points[:, 3] = np.clip(moved, 0.0, 1.0).astype(np.float32)
        return frame.replace(points=points)


class _Reach:
    """How far each point of a frame may go: eps_m (N, 1), lowest_m (N, 1) and axes (N, 3), see `PointDomain`."""

    def __init__(self, frame: Frame, threat: Threat) -> None:
        xyz = frame.points[:, :3].astype(np.float64)
        radius = threat.range_m or threat.axis_m
        largest = (np.abs(xyz).max(axis=1, initial=1.0) + radius).astype(np.float32)
        margin = 2.0 * np.spacing(largest).astype(np.float64)
        budget = np.maximum(radius - margin, 0.0)
        self.eps_m, self.lowest_m = budget[:, None], np.full((len(xyz), 1), -np.inf)
        self.axes: Float64 = np.ones((len(xyz), 3))
        if threat.range_m:
            rays = xyz - ray_origins(frame)
            ranges = np.linalg.norm(rays, axis=1)
            free = ranges > threat.r_min_m + margin
            self.eps_m = np.where(free, budget, 0.0)[:, None]
            self.lowest_m = np.where(free, threat.r_min_m + margin - ranges, 0.0)[:, None]
            self.axes = rays / np.maximum(ranges, np.finfo(np.float32).tiny)[:, None]


class JointDomain(Domain):
    """Camera and LiDAR as one latent box of shape (B, 1, 1, D): clean 0.5, eps 0.5, each number with its own budget.

    The camera's part decodes to (2 u - 1) eps grey levels about the clean pixel, clipped to what an image holds.
    """

    def __init__(self, frames: Sequence[Frame], threat: Threat, device: torch.device) -> None:
        if threat.camera_rms:
            raise CalicoError(
                f"threat {threat}: a joint budget is L-infinity; expected camera_levels in place of camera_rms"
            )
        self._pixels, self._points = PixelDomain(frames, threat, device), PointDomain(frames, threat, device)
        self._split = self._pixels.clean[0].numel()
        size = self._split + self._points.clean[0].numel()
        self.base = self._pixels.base
        super().__init__(torch.full((len(frames), 1, 1, size), 0.5, device=device), 0.5)

    def batch(self, x: Tensor) -> Batch:
        """See `Domain.batch`."""
        pixels, points = self._decoded(x)
        return replace(self._pixels.batch(pixels), points=self._points.batch(points).points)

    def frames(self, x: Tensor) -> list[Frame]:
        """See `Domain.frames`."""
        pixels, points = self._decoded(x)
        return [
            seen.replace(points=moved.points)
            for seen, moved in zip(self._pixels.frames(pixels), self._points.frames(points), strict=True)
        ]

    def _decoded(self, x: Tensor) -> tuple[Tensor, Tensor]:
        flat, clean = x.flatten(1), self._pixels.clean
        pixels = clean + (2.0 * flat[:, : self._split].reshape(clean.shape) - 1.0) * self._pixels.eps
        return pixels.clamp(0.0, 1.0), flat[:, self._split :].reshape(self._points.clean.shape)


def _padded(values: Float64, slots: int) -> Float64:
    result: Float64 = np.zeros((slots, values.shape[1]))
    result[: len(values)] = values
    return result


def _length(x: Tensor) -> Tensor:
    """(B, 1, 1, 1) L2 norm of each frame's part."""
    length: Tensor = x.flatten(1).norm(dim=1)[:, None, None, None]
    return length
