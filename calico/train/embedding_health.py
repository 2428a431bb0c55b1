"""Label-free numbers that tell whether embeddings have collapsed, for the training log.

A collapse (all points have one embedding) shows as alignment 0, uniformity 0 and effective rank 1
at the same time. An undefined number is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from calico.models.layers import at_least_float32

MAX_ROWS = 1024
"""Rows that `measure_uniformity` compares at most, evenly spaced: half a million pairs."""


@torch.no_grad()
def measure_alignment(first: Tensor, second: Tensor, region: Tensor) -> float:
    """Average the squared distance of positive pairs: 0 is best, 4 is worst.

    A positive pair is the same point, inside a region, in two views.

    Args:
        first: (n, D) unit embeddings in view 1.
        second: (n, D) unit embeddings of the same points in view 2.
        region: (n,) region of each point. Negative values are left out.

    Source:
        L_align of Wang and Isola, ICML 2020, with exponent 2.
    """
    rich = region >= 0
    difference = at_least_float32(first[rich]) - at_least_float32(second[rich])
    return float(difference.square().sum(1).mean())


@torch.no_grad()
def measure_uniformity(z: Tensor, t: float = 2.0) -> float:
    """Return the log of the mean of exp(-t d^2) over all pairs of rows: 0 is a collapse.

    Many points spread evenly over the sphere of a high dimension come near -2 t, because almost
    all pairs are at d^2 = 2.

    Args:
        z: (n, D) unit embeddings.
        t: Sharpness.

    Source:
        L_uniform of Wang and Isola, ICML 2020.
    """
    rows = at_least_float32(z[:: math.ceil(len(z) / MAX_ROWS) or 1])
    squared = torch.pdist(rows).square()
    return float((-t * squared).logsumexp(0)) - math.log(len(squared)) if len(squared) else math.nan


@torch.no_grad()
def effective_rank(z: Tensor) -> float:
    """Return exp of the entropy of the normalised singular values: 1 collapsed, D at best.

    Singular values are the roots of the eigenvalues of z^T z, taken in float64.

    Args:
        z: (n, D) embeddings, not centred.

    Source:
        Roy and Vetterli, EUSIPCO 2007.
    """
    gram = z.double().T @ z.double()
    values = torch.linalg.eigvalsh(gram).clamp(min=0.0).sqrt()
    share = values / values.sum()
    return float(torch.special.entr(share).sum().exp())


def without_undefined(values: Mapping[str, float]) -> dict[str, float | None]:
    """Replace numbers that are not finite by None, as the log wants them."""
    return {name: value if math.isfinite(value) else None for name, value in values.items()}
