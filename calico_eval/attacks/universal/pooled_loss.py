"""The mean of an objective over many frames for one shared tensor, a chunk of frames at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

ChunkLoss = Callable[[Tensor], Tensor]


def pool_losses(losses: Sequence[ChunkLoss], count: int) -> ChunkLoss:
    """Make the mean of losses over many frames, in the memory of one chunk.

    Args:
        losses: Losses of the chunks, x -> (frames of the chunk,).
        count: Number of frames in all.

    Returns:
        Function x (1, ...) -> (1,).
    """

    def loss(x: Tensor) -> Tensor:
        value: Tensor = _Pool.apply(x, losses, count)
        return value

    return loss


class _Pool(torch.autograd.Function):
    """Sum of the chunks' losses, which keeps only the sum of their gradients.

    Each chunk's gradient is taken while its graph exists, in the memory of one chunk.
    """

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
