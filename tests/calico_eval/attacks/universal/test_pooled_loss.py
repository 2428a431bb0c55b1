"""The pooled loss of chunks against the mean over all frames."""

from __future__ import annotations

import torch

from calico_eval.attacks.universal.pooled_loss import pool_losses


def test_pooling_chunks_is_the_mean_over_all_frames() -> None:
    stream = torch.Generator().manual_seed(0)
    parts = [torch.rand(count, 5, generator=stream) for count in (4, 4, 3)]
    x = torch.rand(1, 5, generator=stream).requires_grad_(True)
    whole = (torch.cat(parts) * x).pow(3).sum() / 11
    found = pool_losses([lambda y, part=part: (part * y).pow(3).sum(dim=1) for part in parts], 11)(
        x
    )
    assert torch.allclose(found, whole)
    assert torch.allclose(*(torch.autograd.grad(value.sum(), x)[0] for value in (found, whole)))
