"""Similarities and region means for the contrastive losses, in float32 at least."""

from __future__ import annotations

import torch
from torch import Tensor

from calico.models.layers import at_least_float32


def measure_similarity(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """Divide the inner products of all pairs of rows by a temperature, exactly also under autocast.

    Args:
        first: (n, D) embeddings.
        second: (m, D) embeddings.
        temperature: Divisor, above 0.

    Returns:
        (n, m) similarities.
    """
    with torch.autocast(first.device.type, enabled=False):
        return at_least_float32(first) @ at_least_float32(second).T / temperature


def average_regions(vectors: Tensor, member: Tensor, regions: int) -> Tensor:
    """Average the vectors of each region.

    Args:
        vectors: (n, D) vectors.
        member: (n,) int64 region of each vector in 0..regions - 1. Every region has a member.
        regions: Number of regions.

    Returns:
        (regions, D) means.
    """
    vectors = at_least_float32(vectors)
    total = vectors.new_zeros(regions, vectors.shape[1]).index_add(0, member, vectors)
    return total / torch.bincount(member, minlength=regions)[:, None]
