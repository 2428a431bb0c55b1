"""Are the embeddings alive? Numbers for the training log, without labels.

A collapse (all points to one embedding) shows as alignment 0, uniformity 0 and effective rank 1 at once. NaN where undefined.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from calico.models.layers import at_least_float32

MAX_ROWS = 1024
"""`uniformity` takes at most so many rows, evenly spaced: half a million pairs."""


@torch.no_grad()
def alignment(first: Tensor, second: Tensor, region: Tensor) -> float:
    """Mean squared distance of positives (Wang and Isola, ICML 2020, L_align with exponent 2): 0 is best, 4 worst.

    A positive pair is the same semantic-rich point in two views. first, second: (n, D) unit; region: (n,), negative is left out.
    """
    rich = region >= 0
    return float(
        (at_least_float32(first[rich]) - at_least_float32(second[rich])).square().sum(1).mean()
    )


@torch.no_grad()
def uniformity(z: Tensor, t: float = 2.0) -> float:
    """log of the mean of exp(-t d²) over pairs of rows (Wang and Isola, ICML 2020, L_uniform): 0 is a collapse.

    z: (n, D) unit. Many points spread evenly over the sphere of a high dimension come near -2 t: almost all pairs are at d² = 2.
    """
    squared = torch.pdist(at_least_float32(z[:: math.ceil(len(z) / MAX_ROWS) or 1])).square()
    return float((-t * squared).logsumexp(0)) - math.log(len(squared)) if len(squared) else math.nan


@torch.no_grad()
def effective_rank(z: Tensor) -> float:
    """exp of the entropy of the normalised singular values (Roy and Vetterli, EUSIPCO 2007): 1 collapsed, D at the best.

    z: (n, D), not centred. Singular values are the roots of the eigenvalues of z^T z, taken in float64.
    """
    gram = z.double().T @ z.double()
    values = torch.linalg.eigvalsh(gram).clamp(min=0.0).sqrt()
    share = values / values.sum()
    return float(torch.special.entr(share).sum().exp())


def finite(values: Mapping[str, float]) -> dict[str, float | None]:
    """The same with None for what is undefined, as the log wants it."""
    return {name: value if math.isfinite(value) else None for name, value in values.items()}
