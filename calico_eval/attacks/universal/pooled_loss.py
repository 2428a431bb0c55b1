"""The objective as a function of a batch, and its mean over many frames for one shared tensor, a chunk of them at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from calico.data.batch import Batch
from calico_eval.attacks.spec import AttackSpec
from calico_eval.engines.network.forward import AttackForward
from calico_eval.engines.network.objectives import OBJECTIVES, Scene
from calico_eval.engines.torch import TorchEngine

ChunkLoss = Callable[[Tensor], Tensor]


def model_loss(engine: TorchEngine, clean: Batch, spec: AttackSpec) -> Callable[[Batch], Tensor]:
    """Batch -> (B,) of the spec's objective, about a clean batch that differs in the attacked sensors only."""
    objective, scene = OBJECTIVES[spec.objective], Scene(engine.model, clean)
    forward = AttackForward(
        engine.model, clean, spec.threat.sensors,
        detection="detection" in objective.heads, map="map" in objective.heads, crossing_m=spec.crossing_m,
    )  # fmt: skip

    def loss(batch: Batch) -> Tensor:
        return objective.loss(scene, forward(batch))

    return loss


def pooled(losses: Sequence[ChunkLoss], count: int) -> ChunkLoss:
    """x (1, ...) -> (1,): the mean over `count` frames of all that the chunks' losses, x -> (frames of the chunk,), give."""

    def loss(x: Tensor) -> Tensor:
        value: Tensor = _Pool.apply(x, losses, count)
        return value

    return loss


class _Pool(torch.autograd.Function):
    """Takes each chunk's gradient while its graph is there, and keeps only the sum, in the memory of one chunk."""

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx, x: Tensor, losses: Sequence[ChunkLoss], count: int
    ) -> Tensor:
        wanted: bool = ctx.needs_input_grad[0]  # type: ignore[attr-defined]
        total, gradient = x.new_zeros(1), torch.zeros_like(x)
        for loss in losses:
            with torch.set_grad_enabled(wanted):
                leaf = x.detach().requires_grad_(wanted)
                value = loss(leaf).sum()
            if wanted and value.requires_grad:
                (part,) = torch.autograd.grad(value, leaf, allow_unused=True)
                gradient += 0.0 if part is None else part
            total += value.detach()
        ctx.save_for_backward(gradient / count)
        return total / count

    @staticmethod
    def backward(
        ctx: torch.autograd.function.FunctionCtx, *grads: Tensor
    ) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return gradient * grads[0], None, None
