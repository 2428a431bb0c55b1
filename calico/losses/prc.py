"""Point-region contrast between two views of a point cloud, without labels.

Row k of `first` and of `second` is the unit embedding of the same point in views 1 and 2.
`region` holds the points' region ids. A point with a negative id lies in no region
("semantic-less"): it is a negative for others and never an anchor. Similarities and logarithms are
taken in float32 at least, also under autocast.

Marks: [P] is reported by reviews of the paper, [R] comes from the first author's prototype, [D] is
our default where the paper is silent.

Source:
    CALICO (arXiv 2306.00349). Formulas: `docs/explanation/pretraining.md`, section Losses.
"""

from __future__ import annotations

import torch
from torch import Tensor

from calico.losses.similarity import average_regions, measure_similarity
from calico.models.layers import scale_to_unit


def point_region_contrast(
    first: Tensor, second: Tensor, region: Tensor, *, alpha: float, temperature: float
) -> dict[str, Tensor]:
    """Compute L_PRC = alpha L_PLRC + (1 - alpha) L_RAPC.

    With N points in regions, s_ik = z_i^1·z_k^2 / temperature, R(i) the points of i's region
    (including i), and k over all n points:

        L_PLRC = -(1/N) Σ_i (1/|R(i)|) Σ_{j in R(i)} log( exp s_ij / Σ_k exp s_ik )
        L_RAPC = -(1/N) Σ_i log( exp s_ii / (exp s_ii + Σ_{k: r_k != r_i} exp s_ik) )

    Each is the mean of the directions 1 -> 2 and 2 -> 1 [D]. Without any point in a region the loss
    is zero and still has a graph. With one region and no other point L_RAPC has no negative and is
    zero.

    Args:
        first: (n, D) unit embeddings in view 1.
        second: (n, D) unit embeddings in view 2.
        region: (n,) int64 region ids.
        alpha: Weight of the region level in [0, 1], by default 0.5 [P]. At 1 L_RAPC is not
            computed, at 0 L_PLRC is not.
        temperature: Above 0, by default 0.1 [R/D].

    Returns:
        `total`, and those of the terms `plrc` and `rapc` whose weight is above 0.
    """
    forward = _one_way(first, second, region, alpha, temperature)
    backward = _one_way(second, first, region, alpha, temperature)
    terms = {name: (forward[name] + backward[name]) / 2 for name in forward}
    weights = {"plrc": alpha, "rapc": 1.0 - alpha}
    return {
        **terms,
        "total": torch.stack([weights[name] * value for name, value in terms.items()]).sum(),
    }


def _one_way(
    view: Tensor, other: Tensor, region: Tensor, alpha: float, temperature: float
) -> dict[str, Tensor]:
    """The terms with the anchors in `view`."""
    anchor = torch.nonzero(region >= 0)[:, 0]
    logits = measure_similarity(view[anchor], other, temperature)
    terms, points = {}, max(len(anchor), 1)
    if alpha > 0:
        # log P is linear in the positive's similarity: its mean over the region is the similarity
        # with the region's mean.
        names, member = torch.unique(region[anchor], return_inverse=True)
        means = average_regions(other[anchor], member, len(names))
        positive = measure_similarity(view[anchor], means, temperature).gather(1, member[:, None])
        terms["plrc"] = (logits.logsumexp(1, keepdim=True) - positive).sum() / points
    if alpha < 1:
        own = torch.arange(len(region), device=region.device) == anchor[:, None]
        neither = (region[anchor][:, None] == region) & ~own
        partition = logits.masked_fill(neither, -torch.inf).logsumexp(1, keepdim=True)
        terms["rapc"] = (partition - logits.gather(1, anchor[:, None])).sum() / points
    return terms


def pooled_region_contrast(
    first: Tensor, second: Tensor, region: Tensor, *, temperature: float
) -> Tensor:
    """Contrast the unit means of regions between two views.

    This is the short description of the method. The positive of a region is the same region in the
    other view, its negatives are the other regions. Points without a region play no part [D].

    Args:
        first: (n, D) unit embeddings in view 1.
        second: (n, D) unit embeddings in view 2.
        region: (n,) int64 region ids.
        temperature: Above 0.
    """
    rich = region >= 0
    names, member = torch.unique(region[rich], return_inverse=True)
    pooled = (
        scale_to_unit(average_regions(view[rich], member, len(names))) for view in (first, second)
    )
    return info_nce(*pooled, temperature=temperature)


def info_nce(first: Tensor, second: Tensor, *, temperature: float) -> Tensor:
    """Compute symmetric InfoNCE: row k of one view is the positive of row k of the other.

    Every other row of the other view is a negative. The loss is the mean of both directions.
    Without rows it is zero and still has a graph.

    Args:
        first: (m, D) unit embeddings in view 1.
        second: (m, D) unit embeddings in view 2.
        temperature: Above 0.

    Source:
        van den Oord et al. 2018.
    """
    logits = measure_similarity(first, second, temperature)
    positive = 2 * logits.diagonal().sum()
    return (logits.logsumexp(0).sum() + logits.logsumexp(1).sum() - positive) / (
        2 * max(len(first), 1)
    )
