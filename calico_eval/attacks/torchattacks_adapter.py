"""Runs torchattacks (3.5.1), unmodified, on a detector.

The traps of that library that this file closes:

* Its attacks return the last iterate, or (some) the clean input when no class flipped, which makes a detector look robust:
  the iterate with the best loss is kept here.
* UPGD divides by the mean gradient: a gradient that is zero everywhere turns the input to NaN. Here it ends the attack and
  is reported. Single NaN or infinite entries become zero and are counted.
* Random starts come from torch's global generator, and some attacks reset the global seeds: all global generators are put
  back afterwards.
* A module in training mode (as every new module is) is put back to training mode after the attack, with the detector in it:
  `LossModel` is born in evaluation mode.
* An attack takes a module with parameters, an input in [0, 1] and class labels: `LossModel` is that module, and its output
  is the loss itself.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn


@dataclass
class Trace:
    """What an attack went through.

    losses: of every iterate seen, in order. best: the iterate with the highest loss, the first where several share it.
    first_gradient: of the loss at the first iterate. bad_gradients: NaN or infinite entries, over all steps.
    dead: a gradient was zero everywhere, which ended the attack.
    """

    losses: list[float] = field(default_factory=list)
    best: Tensor | None = None
    best_loss: float = -float("inf")
    first_gradient: Tensor | None = None
    bad_gradients: int = 0
    backwards: int = 0
    dead: bool = False


class _DeadGradientError(Exception):
    """Ends an attack from within autograd."""


class LossModel(nn.Module):
    """The loss as torchattacks sees it: a module from an input (1, C, H, W) to one number, which the attack raises.

    model: only lends its parameters (torchattacks asks for their device) and its mode.
    """

    def __init__(self, model: nn.Module, loss: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.model = model
        self.loss = loss
        self.trace = Trace()
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        """The loss at x, noted down."""
        value = self.loss(_Guard.apply(x, self.trace))
        number = float(value.detach())
        self.trace.losses.append(number)
        if number > self.trace.best_loss:
            self.trace.best, self.trace.best_loss = x.detach().clone(), number
        return value


class _Guard(torch.autograd.Function):
    """The identity; its backward pass watches the gradient."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor, trace: Trace) -> Tensor:
        ctx.trace = trace  # type: ignore[attr-defined]
        return x.view_as(x)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *grads: Tensor) -> tuple[Tensor, None]:
        trace: Trace = ctx.trace  # type: ignore[attr-defined]
        gradient = torch.nan_to_num(grads[0], nan=0.0, posinf=0.0, neginf=0.0)
        trace.bad_gradients += int((~torch.isfinite(grads[0])).sum())
        trace.backwards += 1
        if trace.first_gradient is None:
            trace.first_gradient = gradient.detach().clone()
        if not bool(gradient.any()):
            trace.dead = True
            raise _DeadGradientError
        return gradient, None


def run_pgd(
    objective: LossModel, clean: Tensor, eps: float, step: float, steps: int, random_start: bool, seed: int
) -> Tensor:
    """Raises the objective in the L-infinity ball with torchattacks.UPGD (momentum off, which is PGD).

    Args:
        objective: the loss; its trace is filled.
        clean: (1, C, H, W) in [0, 1], the centre of the ball.
        eps, step: radius and step size in the unit of `clean`.
        seed: of the random start; the caller's generators are left as they were.

    Returns:
        The last iterate, whose loss nobody has looked at yet; where a dead gradient ended the attack, the best one seen.
    """
    import torchattacks  # takes seconds to import, and only a gradient attack needs it

    attack = torchattacks.UPGD(
        objective, eps=eps, alpha=step, steps=steps, random_start=random_start, decay=0.0,
        loss=lambda x, labels, targets: objective(x),
    )  # fmt: skip
    labels = torch.zeros(len(clean), dtype=torch.int64)
    with isolated_generators(seed, clean.device):
        try:
            last: Tensor = attack(clean, labels)
        except _DeadGradientError:
            last = clean if objective.trace.best is None else objective.trace.best
    return last.detach()


@contextmanager
def isolated_generators(seed: int, device: torch.device) -> Iterator[None]:
    """Seeds torch's, numpy's and Python's global generators, and puts them back afterwards."""
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        random.seed(seed)
        try:
            yield
        finally:
            np.random.set_state(numpy_state)  # noqa: NPY002
            random.setstate(python_state)
