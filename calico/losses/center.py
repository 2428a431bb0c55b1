"""Losses of the detection head.

Source:
    CenterPoint (Yin et al., CVPR 2021).
"""

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
    """Sum the penalty-reduced focal loss over all cells, without normalising it.

    Args:
        logits: Heat map logits of any shape.
        target: Heat map of the same shape: 1 at centres, a Gaussian around them.

    Source:
        CornerNet (Law and Deng, ECCV 2018), eq. 1, with alpha 2 and beta 4.
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
    """Compute the weighted terms of all tasks, summed over the tasks.

    The terms of a task are divided by its number of objects in the batch (at least 1). L1 is summed
    over a term's numbers. Unknown (NaN) velocities count nothing.

    Args:
        tasks: Output maps of the head, one per task.
        boxes: Per frame the (M, 9) boxes.
        labels: Per frame the (M,) labels, indices into the taxonomy.
        config: Settings of the head, with the weights.
        grid: Grid of the trunk.
        taxonomy: Gives the labels of the tasks' classes.

    Returns:
        The terms `heatmap`, `offset`, `height`, `log_size`, `yaw` and `velocity`.
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
    """Compute the terms of one task (see `center_losses`).

    Args:
        output: Output maps of the head for this task.
        target: What `center_targets` returned for this task.
        config: Settings of the head, with the weights.
    """
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
