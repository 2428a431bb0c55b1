"""Distillation from LiDAR to camera embeddings of the same points (CALICO, arXiv 2306.00349), without labels.

Marks: [P] reported by reviews of the paper, [R] the first author's prototype, [D] our default where the paper is silent.
Formulas: `docs/explanation/pretraining.md`, section Losses.
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
    """L_RAD, or with soft targets L_KL: each of K regions S weighs the same [P], 1 / (K N_S) for each of its N_S points.

    With p_i = softmax_k(c_i·l_k / temperature), k over all n points, semantic-less ones as negatives only [D]:

        L_RAD = -(1/K) Σ_S (1/N_S) Σ_{i in S} log p_i(i)            at teacher_temperature 0 (`region_nce`)
        L_KL  =  (1/K) Σ_S (1/N_S) Σ_{i in S} KL(q_i || p_i),  q_i = softmax_k(l_i·l_k / teacher_temperature)      above 0 (`kl`)

    The second becomes the first as teacher_temperature -> 0 (q_i becomes one-hot), unless two points have equal LiDAR embeddings:
    those share the target for good, so sample at most one point per BEV sub-cell. No rich point: zero, with a graph.

    Args:
        camera: (n, D) unit embeddings of the student.
        lidar: (n, D) those of the teacher; detached here.
        region: (n,) int64 region id, negative for semantic-less points, which are never anchors.
        temperature: of the student, above 0; 0.1 [R/D].
        teacher_temperature: 0 or above.
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
    """Mean of 2 - 2 cos(c_i, l_i) over all points, no negatives and no regions; zero, with a graph, without points.

    In the manner of BEVDistill's dense feature distillation (Chen et al., ICLR 2023) with what needs labels left out: there the
    mean is weighted by the foreground of the annotated boxes, here every point weighs the same [D].

    Args:
        camera, lidar: (n, D), of any length; lidar is detached here.
    """
    cosine = (scale_to_unit(camera) * scale_to_unit(lidar.detach())).sum(1)
    return (2.0 - 2.0 * cosine).sum() / max(len(camera), 1)
