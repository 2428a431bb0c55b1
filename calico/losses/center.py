"""Losses of the detection head.

Source:
    CenterPoint (Yin et al., CVPR 2021).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from calico.config.model import DetectionConfig
from calico.data.targets import TaskTarget
from calico.models.heads.center import BOX_TERMS, TaskOutput

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
    tasks: tuple[TaskOutput, ...], targets: tuple[TaskTarget, ...], config: DetectionConfig
) -> dict[str, Tensor]:
    """Compute the weighted terms of all tasks, summed over the tasks.

    The terms of a task are divided by its number of objects in the batch (at least 1). L1 is summed
    over a term's numbers. Unknown (NaN) velocities count nothing.

    Args:
        tasks: Output maps of the head, one per task.
        targets: Their targets, one per task (`TargetMaker`).
        config: Settings of the head, with the weights.

    Returns:
        The terms `heatmap`, `offset`, `height`, `log_size`, `yaw` and `velocity`.
    """
    zero = targets[0].terms.new_zeros(())
    total = dict.fromkeys(("heatmap", *BOX_TERMS), zero)
    for output, target in zip(tasks, targets, strict=True):
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
