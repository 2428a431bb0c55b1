"""CenterHead's losses (Yin et al., CVPR 2021)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from calico.config.model import DetectionConfig
from calico.geometry.grid import Grid
from calico.losses.targets import TaskTarget, center_targets
from calico.models.heads.center import BOX_TERMS, TaskOutput
from calico.taxonomy import Taxonomy

ALPHA, BETA = 2.0, 4.0


def gaussian_focal_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Penalty-reduced focal loss (CornerNet, Law and Deng, ECCV 2018, eq. 1; alpha 2, beta 4), summed, not normalised.

    logits: any shape; target: the same, 1 at centres, Gaussian around them.
    """
    log_p, log_not_p = F.logsigmoid(logits), F.logsigmoid(-logits)
    positive = (target == 1.0).to(logits.dtype)
    hit = log_not_p.exp().pow(ALPHA) * log_p * positive
    miss = log_p.exp().pow(ALPHA) * log_not_p * (1.0 - target).pow(BETA)
    return -(hit + miss).sum()


def center_losses(
    tasks: tuple[TaskOutput, ...],
    boxes: tuple[Tensor, ...],
    labels: tuple[Tensor, ...],
    config: DetectionConfig,
    grid: Grid,
    taxonomy: Taxonomy,
) -> dict[str, Tensor]:
    """Weighted terms `heatmap`, `offset`, `height`, `log_size`, `yaw`, `velocity`, summed over tasks.

    Each task's terms are divided by its number of objects in the batch (at least 1). L1 is summed over a term's numbers; unknown
    (NaN) velocities count nothing.
    """
    total = {name: boxes[0].new_zeros(()) for name in ("heatmap", *BOX_TERMS)}
    for names, output in zip(config.tasks, tasks, strict=True):
        ids = tuple(taxonomy.names.index(name) for name in names)
        target = center_targets(
            boxes, labels, ids, grid, config.gaussian_overlap, config.min_radius
        )
        for name, value in task_losses(output, target, config).items():
            total[name] = total[name] + value
    return total


def task_losses(
    output: TaskOutput, target: TaskTarget, config: DetectionConfig
) -> dict[str, Tensor]:
    """The terms of one task, see `center_losses`; `target` from `center_targets`."""
    objects = max(len(target.cell), 1)
    losses = {
        "heatmap": config.heatmap_weight
        * gaussian_focal_loss(output.heatmap, target.heatmap)
        / objects
    }
    start = 0
    for name, width in BOX_TERMS.items():
        maps: Tensor = getattr(output, name)
        predicted = maps.flatten(2)[target.frame, :, target.cell]
        wanted = target.terms[:, start : start + width]
        known = torch.isfinite(wanted)
        error = (predicted - torch.where(known, wanted, 0.0)).abs() * known
        weight = config.regression_weight * (config.velocity_weight if name == "velocity" else 1.0)
        losses[name] = weight * error.sum() / objects
        start += width
    return losses
