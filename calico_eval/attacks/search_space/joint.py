"""Search spaces of cameras, LiDAR or both: one tensor in [0, 1] with one ball.

torchattacks, and every attack on images, knows one input tensor in [0, 1], one eps and one step
size. A domain gives them that. It turns the tensor into a batch (differentiable, for the model) and
into frames (as a sensor delivers them).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from calico.data.batch import Batch
from calico.errors import CalicoError
from calico.frame import Frame
from calico_eval.attacks.budget.threat import Threat
from calico_eval.attacks.search_space.base import Domain, Norm, Streams, clamp_keeping_gradient
from calico_eval.attacks.search_space.pixels import PixelDomain
from calico_eval.attacks.search_space.points import PointDomain

__all__ = ["Domain", "JointDomain", "Norm", "PixelDomain", "PointDomain", "Streams", "make_domain"]


def make_domain(frames: Sequence[Frame], threat: Threat, device: torch.device) -> Domain:
    """Make the search space of a threat that moves no point in or out and has no patch.

    Args:
        frames: The clean frames.
        threat: The allowances.
        device: Device of the tensors.

    Raises:
        CalicoError: The threat allows nothing that changes continuously, or an L2 budget together
            with another.
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
        f"threat {threat}: nothing to search in; expected camera_levels, camera_rms, range_m, "
        "axis_m or intensity above 0"
    )


class JointDomain(Domain):
    """Camera and LiDAR as one latent box of shape (B, 1, 1, D): clean 0.5, eps 0.5.

    Each number has its own budget. The camera's part decodes to (2 u - 1) eps grey levels about the
    clean pixel, clipped to what an image holds.
    """

    def __init__(self, frames: Sequence[Frame], threat: Threat, device: torch.device) -> None:
        if threat.camera_rms:
            raise CalicoError(
                f"threat {threat}: a joint budget is L-infinity; expected camera_levels in place "
                "of camera_rms"
            )
        self._pixels, self._points = (
            PixelDomain(frames, threat, device),
            PointDomain(frames, threat, device),
        )
        self._split = self._pixels.clean[0].numel()
        self.base = self._pixels.base
        parts = [
            (
                torch.ones_like(part.clean, dtype=torch.bool) if part.own is None else part.own
            ).flatten(1)
            for part in (self._pixels, self._points)
        ]
        own = torch.cat(parts, dim=1)[:, None, None]
        clean = torch.full(own.shape, 0.5, device=device)
        super().__init__(clean, 0.5, None if bool(own.all()) else own)

    def make_batch(self, x: Tensor) -> Batch:
        """See `Domain.make_batch`."""
        pixels, points = self._decoded(x)
        return replace(
            self._pixels.make_batch(pixels), points=self._points.make_batch(points).points
        )

    def deliver_frames(self, x: Tensor) -> list[Frame]:
        """See `Domain.deliver_frames`."""
        pixels, points = self._decoded(x)
        return [
            seen.replace(points=moved.points)
            for seen, moved in zip(
                self._pixels.deliver_frames(pixels),
                self._points.deliver_frames(points),
                strict=True,
            )
        ]

    def measure_shares(self, gradient: Tensor, row: int) -> tuple[float, ...]:
        """See `Domain.measure_shares`.

        Args:
            gradient: Gradient like x.
            row: Index of the frame.
        """
        pixels, points = self._parts(gradient)
        return self._pixels.measure_shares(pixels, row) + self._points.measure_shares(points, row)

    def _parts(self, x: Tensor) -> tuple[Tensor, Tensor]:
        flat = x.flatten(1)
        pixels, points = flat[:, : self._split], flat[:, self._split :]
        return pixels.reshape(self._pixels.clean.shape), points.reshape(self._points.clean.shape)

    def _decoded(self, x: Tensor) -> tuple[Tensor, Tensor]:
        latent, points = self._parts(x)
        return clamp_keeping_gradient(
            self._pixels.clean + (2.0 * latent - 1.0) * self._pixels.eps, 0.0, 1.0
        ), points
