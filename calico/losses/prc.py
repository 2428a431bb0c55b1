"""Point-region contrast between two views of a point cloud (CALICO, arXiv 2306.00349), without labels.

Marks: [P] reported by reviews of the paper, [R] the first author's prototype, [D] our default where the paper is silent.
Formulas: `docs/explanation/pretraining.md`, section Losses.
Everywhere: row k of `first` and `second` is the unit embedding of the same
point in views 1 and 2; `region` is a point's region id, or negative for a semantic-less point, which is a negative for others and
never an anchor. Similarities and logarithms are taken in float32 at least, also under autocast.
"""

from __future__ import annotations

import torch
from torch import Tensor

from calico.losses.similarity import average_regions, measure_similarity
from calico.models.layers import scale_to_unit


def point_region_contrast(
    first: Tensor, second: Tensor, region: Tensor, *, alpha: float, temperature: float
) -> dict[str, Tensor]:
    """L_PRC = alpha L_PLRC + (1 - alpha) L_RAPC: `total`, and of `plrc` and `rapc` those of a weight above 0.

    With N rich points, s_ik = z_i^1·z_k^2 / temperature, R(i) the points of i's region (i among them), k over all n points:

        L_PLRC = -(1/N) Σ_i (1/|R(i)|) Σ_{j in R(i)} log( exp s_ij / Σ_k exp s_ik )
        L_RAPC = -(1/N) Σ_i log( exp s_ii / (exp s_ii + Σ_{k: r_k != r_i} exp s_ik) )

    Each is the mean of 1 -> 2 and 2 -> 1 [D]. No rich point: zero, with a graph. One region and no semantic-less point: L_RAPC
    has no negative and is zero.

    Args:
        first, second: (n, D) unit embeddings.
        region: (n,) int64.
        alpha: weight of the region level, in [0, 1]; 0.5 [P]. At 1 L_RAPC is not computed, at 0 L_PLRC is not.
        temperature: above 0; 0.1 [R/D].
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
    """InfoNCE of region means, normalised to unit length: the short description of the method. Arguments as above.

    A region's positive is itself in the other view, its negatives the other regions; semantic-less points play no part [D].
    """
    rich = region >= 0
    names, member = torch.unique(region[rich], return_inverse=True)
    pooled = (
        scale_to_unit(average_regions(view[rich], member, len(names))) for view in (first, second)
    )
    return info_nce(*pooled, temperature=temperature)


def info_nce(first: Tensor, second: Tensor, *, temperature: float) -> Tensor:
    """Symmetric InfoNCE (van den Oord et al. 2018) of unit embeddings (m, D): row k of one is the positive of row k of the other.

    Every other row of the other view is a negative; the mean of both directions. No rows: zero, with a graph.
    """
    logits = measure_similarity(first, second, temperature)
    positive = 2 * logits.diagonal().sum()
    return (logits.logsumexp(0).sum() + logits.logsumexp(1).sum() - positive) / (
        2 * max(len(first), 1)
    )
