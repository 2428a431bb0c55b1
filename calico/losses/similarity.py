"""What the contrastive losses share: unit vectors, similarities, and sums over regions, all in float32 at least."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

EPS = 1e-6
"""Vectors shorter than this are divided by it instead of by their length."""


def wide(value: Tensor) -> Tensor:
    """The same numbers in float32, or float64 where they are."""
    return value.to(torch.promote_types(value.dtype, torch.float32))


def unit(vectors: Tensor) -> Tensor:
    """(n, D) scaled to length 1; a zero vector stays zero."""
    return F.normalize(wide(vectors), dim=1, eps=EPS)


def similarity(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """(n, m) inner products of the rows of (n, D) and (m, D) over the temperature, exact also under autocast."""
    with torch.autocast(first.device.type, enabled=False):
        return wide(first) @ wide(second).T / temperature


def region_means(vectors: Tensor, member: Tensor, regions: int) -> Tensor:
    """(regions, D): the mean of each region's vectors; member (n,) int64 in 0..regions - 1, none of them empty."""
    vectors = wide(vectors)
    total = vectors.new_zeros(regions, vectors.shape[1]).index_add(0, member, vectors)
    return total / torch.bincount(member, minlength=regions)[:, None]
