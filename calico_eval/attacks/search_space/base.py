"""What all search spaces share: a tensor in [0, 1], a ball per frame, and noise in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

from calico.data.batch import Batch
from calico.frame import Frame

Norm = Literal["linf", "l2"]
Streams = Sequence[torch.Generator]
"""One CPU generator per frame, so that a frame's draws depend neither on the others of its batch
nor on the device."""


class Domain:
    """The search space of one attack on B frames.

    Args:
        clean: (B, C, H, W) in [0, 1], the clean frames.
        eps: Radius of the ball about it, in its unit: one for all frames, or (B, 1, 1, 1).
        own: (B, C, H, W) bool, the entries that stand for something of that frame. The others pad
            it to the size of the largest frame and never change. None if nothing is padded.
        norm: Norm of the ball. An L2 ball is one per frame, over all that the frame has.

    Attributes:
        eps: The radius. If radii differ (L2 on images of different sizes) it is the smallest, for
            attacks that know only one.
        radius: (B, 1, 1, 1) radius of each frame.
        base: The clean frames as a batch.
    """

    base: Batch

    def __init__(
        self, clean: Tensor, eps: float | Tensor, own: Tensor | None = None, norm: Norm = "linf"
    ) -> None:
        self.clean, self.own, self.norm = clean, own, norm
        self.radius = torch.as_tensor(eps, dtype=clean.dtype, device=clean.device).expand(
            len(clean), 1, 1, 1
        )
        self.eps = eps if isinstance(eps, float) else float(eps.min())
        self._low, self._high = (
            (clean + sign * self.radius).clamp(0.0, 1.0) for sign in (-1.0, 1.0)
        )

    def make_batch(self, x: Tensor) -> Batch:
        """Return the batch that x stands for, differentiable with respect to x."""
        raise AssertionError("a domain of no sensor")

    def deliver_frames(self, x: Tensor) -> list[Frame]:
        """Return the frames that x stands for, within budget after rounding to uint8 or float32."""
        raise AssertionError("a domain of no sensor")

    def measure_shares(self, gradient: Tensor, row: int) -> tuple[float, ...]:
        """Compute the share of entries with a gradient other than zero.

        Args:
            gradient: Gradient like x.
            row: Index of the frame.

        Returns:
            The share of each view's pixels, then that of the points.
        """
        raise AssertionError("a domain of no sensor")

    def project(self, x: Tensor) -> Tensor:
        """Return the nearest point of the ball and of [0, 1].

        For L2 the two are applied one after the other: the result is inside both, and not always
        nearest.
        """
        if self.norm == "linf":
            return torch.minimum(torch.maximum(x, self._low), self._high)
        delta = x - self.clean
        return (
            self.clean + delta * (self.radius / _length(delta).clamp_min(1e-12)).clamp_max(1.0)
        ).clamp(0.0, 1.0)

    def beyond(self, x: Tensor) -> Tensor:
        """Measure how far x is outside, (B,): the largest distance of an entry from its projection.

        It is not above 0 if x is inside.
        """
        if self.norm == "linf":
            return torch.maximum(self._low - x, x - self._high).flatten(1).amax(dim=1)
        return (x - self.project(x)).abs().flatten(1).amax(dim=1)

    def ascend(self, x: Tensor, direction: Tensor, share: float | Tensor) -> Tensor:
        """Make a step of steepest ascent and project the result.

        Args:
            x: Where to start.
            direction: The gradient.
            share: Length as a share of the radius: one, or (B, 1, 1, 1).
        """
        step = (
            direction.sign()
            if self.norm == "linf"
            else direction / _length(direction).clamp_min(1e-12)
        )
        return self.project(x + share * self.radius * step)

    def random(self, streams: Streams) -> Tensor:
        """Draw a start in the ball.

        It is uniform for L-infinity. For L2 it has a uniform radius in a Gaussian direction.
        """
        if self.norm == "linf":
            return self.project(self.clean + self.radius * self._uniform(streams))
        share = torch.stack([torch.rand(1, 1, 1, generator=stream) for stream in streams]).to(
            self.clean
        )
        return self.project(self.clean + share * self.radius * self._gaussian(streams))

    def corner(self, streams: Streams) -> Tensor:
        """Draw noise of the full norm, the control of every attack.

        It is a random corner of the L-infinity ball, or a random direction for L2. For L2, the
        other entries make up for what [0, 1] cuts off, so that the norm is full if the image can
        hold it.
        """
        if self.norm == "linf":
            signs = torch.where(self._uniform(streams) < 0.0, -1.0, 1.0)
            signs = signs if self.own is None else signs * self.own
            return self.project(self.clean + self.radius * signs)
        delta = self.radius * self._gaussian(streams)
        for _ in range(20):  # the length grows less than the scale does: it comes close from below
            length = _length((self.clean + delta).clamp(0.0, 1.0) - self.clean).clamp_min(1e-12)
            delta = (delta * (self.radius / length)).clamp(-1e6, 1e6)
        return self.project((self.clean + delta).clamp(0.0, 1.0))

    def _uniform(self, streams: Streams) -> Tensor:
        """Uniform in [-1, 1), and 0 where a frame is padded."""
        return self._draw(
            streams, lambda count, stream: 2.0 * torch.rand(count, generator=stream) - 1.0
        )

    def _gaussian(self, streams: Streams) -> Tensor:
        """A random direction: (B, C, H, W) of L2 norm 1 per frame, 0 where a frame is padded."""
        noise = self._draw(streams, lambda count, stream: torch.randn(count, generator=stream))
        return noise / _length(noise).clamp_min(1e-12)

    def _draw(self, streams: Streams, numbers: Callable[[int, torch.Generator], Tensor]) -> Tensor:
        """As many numbers as a frame has entries of its own.

        The company of larger frames shifts no draw.
        """
        drawn = torch.zeros(self.clean.shape, dtype=self.clean.dtype)
        for row, stream in enumerate(streams):
            if self.own is None:
                drawn[row] = numbers(drawn[row].numel(), stream).to(drawn).reshape(drawn[row].shape)
            else:
                own = self.own[row].cpu()
                drawn[row][own] = numbers(int(own.sum()), stream).to(drawn)
        return drawn.to(self.clean.device)


def clamp_keeping_gradient(x: Tensor, low: Tensor | float, high: Tensor | float) -> Tensor:
    """Clamp x, but keep the gradient of x itself.

    So a number beyond its limit still has a gradient, and can come back.

    Args:
        x: The tensor.
        low: The limits.
        high: The limits.
    """
    low, high = (torch.as_tensor(limit, dtype=x.dtype, device=x.device) for limit in (low, high))
    inside: Tensor = x + (torch.minimum(torch.maximum(x, low), high) - x).detach()
    return inside


def _length(x: Tensor) -> Tensor:
    """(B, 1, 1, 1) L2 norm of each frame's part."""
    length: Tensor = x.flatten(1).norm(dim=1)[:, None, None, None]
    return length
