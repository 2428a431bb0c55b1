"""The problem that a search algorithm solves: a number to raise per frame, and a record of tries.

The number has a gradient if the engine gives one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from calico.errors import CalicoError
from calico_eval.attacks.search_space.joint import Domain

INSIDE = 1e-5
"""An input this close to the ball is in it: 0.003 grey levels. What is delivered is clipped
anyway."""


@dataclass
class Trace:
    """The record of a search over B frames.

    A loss that is not a number counts as worse than any other.

    Attributes:
        losses: (B,) of every iterate, in order.
        best: The iterates inside the ball with the highest loss of each frame, the first if several
            share it.
        best_loss: (B,) their losses.
        first_gradient: Gradient at the first iterate.
        bad_gradients: (B,) NaN or infinite entries, all set to zero.
        dead: (B,) whether a gradient was zero everywhere.
        forwards, backwards: Passes of the whole batch through the model.
    """

    losses: list[Tensor] = field(default_factory=list)
    best: Tensor | None = None
    best_loss: Tensor | None = None
    first_gradient: Tensor | None = None
    bad_gradients: Tensor | None = None
    dead: Tensor | None = None
    forwards: int = 0
    backwards: int = 0

    def note(self, x: Tensor, loss: Tensor, outside: Tensor) -> None:
        """Note an iterate.

        Args:
            x: The iterate.
            loss: (B,) its loss.
            outside: (B,) whether it is outside the ball, and so cannot be the best.
        """
        loss = loss.detach()
        self.losses.append(loss.cpu())
        loss = loss.masked_fill(outside, -torch.inf)
        if self.best is None or self.best_loss is None:
            self.best, self.best_loss = x.detach().clone(), loss.clone()
            return
        better = (loss > self.best_loss) | (self.best_loss.isnan() & ~loss.isnan())
        if bool(better.all()):
            self.best, self.best_loss = x.detach().clone(), loss.clone()
        elif bool(better.any()):
            self.best[better], self.best_loss[better] = x.detach()[better], loss[better]

    def join(self, later: Trace) -> None:
        """Add counts and losses of a second search of the same frames, not its best iterates."""
        self.losses += later.losses
        self.forwards += later.forwards
        self.backwards += later.backwards
        if self.bad_gradients is not None and later.bad_gradients is not None:
            self.bad_gradients = self.bad_gradients + later.bad_gradients
        if self.dead is not None and later.dead is not None:
            self.dead = self.dead | later.dead


class Problem:
    """Raise `loss` over the tensors of `domain`.

    Args:
        domain: the ball.
        loss: x -> (B,), differentiable where `differentiable`.
    """

    def __init__(
        self, domain: Domain, loss: Callable[[Tensor], Tensor], *, differentiable: bool
    ) -> None:
        self.domain, self._loss, self.differentiable = domain, loss, differentiable
        self.trace = Trace()

    def loss(self, x: Tensor) -> Tensor:
        """Compute the loss (B,) at x without a gradient, and note it."""
        with torch.no_grad():
            value = self._loss(x)
        self._note(x, value)
        return value

    def gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the loss (B,) at x and its gradient, and note them.

        Entries of the gradient that are not finite are set to zero and counted.

        Raises:
            CalicoError: The engine gives no gradients.
        """
        if not self.differentiable:
            raise CalicoError(
                "this engine gives no gradients; expected a model in torch with loss(batch), or an "
                "attack by queries"
            )
        x = x.detach().requires_grad_(True)
        value = self._loss(x)
        self._note(x, value)
        (raw,) = (
            torch.autograd.grad(value.sum(), x, allow_unused=True)
            if value.requires_grad
            else (None,)
        )
        return value.detach(), self._watched(torch.zeros_like(x) if raw is None else raw.detach())

    def _note(self, x: Tensor, value: Tensor) -> None:
        """Attacks that look ahead or around look at inputs outside the ball, too."""
        x = x.detach()
        self.trace.forwards += 1
        self.trace.note(x, value, self.domain.beyond(x) > INSIDE)

    def _watched(self, gradient: Tensor) -> Tensor:
        """The gradient without what is not finite, counted."""
        trace = self.trace
        trace.backwards += 1
        count = torch.zeros(len(gradient), dtype=torch.long, device=gradient.device)
        if not bool(torch.isfinite(gradient.sum())):  # one entry that is not makes the sum so
            count = (~torch.isfinite(gradient)).flatten(1).sum(dim=1)
            gradient = torch.nan_to_num(gradient, nan=0.0, posinf=0.0, neginf=0.0)
        trace.bad_gradients = count if trace.bad_gradients is None else trace.bad_gradients + count
        if trace.first_gradient is None:
            trace.first_gradient = gradient.detach().clone()
        dead = ~gradient.flatten(1).any(dim=1)
        trace.dead = dead if trace.dead is None else trace.dead | dead
        return gradient
