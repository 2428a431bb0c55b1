"""Distillation from LiDAR to camera embeddings of the same points, without labels.

Marks: [P] is reported by reviews of the paper, [R] comes from the first author's prototype, [D] is
our default where the paper is silent.

Source:
    CALICO (arXiv 2306.00349). Formulas: `docs/explanation/pretraining.md`, section Losses.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from calico.losses.similarity import measure_similarity
from calico.models.layers import scale_to_unit


def region_aware_distillation(
    camera: Tensor, lidar: Tensor, region: Tensor, *, temperature: float, teacher_temperature: float
) -> Tensor:
    """Compute L_RAD or, with soft targets, L_KL.

    Each of K regions S weighs the same [P]: each of its N_S points has the weight 1 / (K N_S). With
    p_i = softmax_k(c_i·l_k / temperature), k over all n points, where points without a region are
    negatives only [D]:

        L_RAD = -(1/K) Σ_S (1/N_S) Σ_{i in S} log p_i(i)           teacher_temperature 0
        L_KL  =  (1/K) Σ_S (1/N_S) Σ_{i in S} KL(q_i || p_i)       teacher_temperature above 0
        q_i   =  softmax_k(l_i·l_k / teacher_temperature)

    The second becomes the first as teacher_temperature goes to 0 (q_i becomes one-hot), unless two
    points have equal LiDAR embeddings: those share the target forever, so sample at most one point
    per BEV sub-cell. Without any point in a region the loss is zero and still has a graph.

    Args:
        camera: (n, D) unit embeddings of the student.
        lidar: (n, D) unit embeddings of the teacher. It is detached here.
        region: (n,) int64 region ids. A point with a negative id is never an anchor.
        temperature: Temperature of the student, above 0, by default 0.1 [R/D].
        teacher_temperature: Temperature of the teacher, 0 or above.
    """
    lidar = lidar.detach()
    anchor = torch.nonzero(region >= 0)[:, 0]
    student = measure_similarity(camera[anchor], lidar, temperature).log_softmax(1)
    if teacher_temperature > 0:
        target = measure_similarity(lidar[anchor], lidar, teacher_temperature).softmax(1)
    else:
        target = (torch.arange(len(region), device=region.device) == anchor[:, None]).to(
            student.dtype
        )
    divergence = F.kl_div(student, target, reduction="none").sum(1)
    names, member, points = torch.unique(region[anchor], return_inverse=True, return_counts=True)
    loss: Tensor = (divergence / points[member]).sum() / max(len(names), 1)
    return loss


def dense_distillation(camera: Tensor, lidar: Tensor) -> Tensor:
    """Average 2 - 2 cos(c_i, l_i) over all points, without negatives and regions.

    Without points the loss is zero and still has a graph.

    Args:
        camera: (n, D) embeddings of the student, of any length.
        lidar: (n, D) embeddings of the teacher, of any length. It is detached here.

    Source:
        BEVDistill's dense feature distillation (Chen et al., ICLR 2023) without what needs labels:
        there the mean is weighted by the foreground of annotated boxes, here every point weighs the
        same [D].
    """
    cosine = (scale_to_unit(camera) * scale_to_unit(lidar.detach())).sum(1)
    return (2.0 - 2.0 * cosine).sum() / max(len(camera), 1)
