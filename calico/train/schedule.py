"""Optimiser and learning-rate schedule: AdamW with one cycle.

Source:
    The CALICO paper's recipe, with the one cycle of Smith and Topin 2018.
"""

from __future__ import annotations

import torch
from torch import nn

from calico.config.training import ScheduleConfig


def make_optimizer(model: nn.Module, config: ScheduleConfig) -> torch.optim.AdamW:
    """Make AdamW with betas 0.9 and 0.99.

    Biases and normalisation parameters (one dimension) are not decayed.

    Args:
        model: Module whose parameters are trained, if they require gradients.
        config: Settings of the stage.
    """
    matrices = [p for p in model.parameters() if p.requires_grad and p.ndim > 1]
    vectors = [p for p in model.parameters() if p.requires_grad and p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=config.learning_rate / 10, betas=(0.9, 0.99))


def make_scheduler(
    optimizer: torch.optim.Optimizer, config: ScheduleConfig, total_steps: int
) -> torch.optim.lr_scheduler.OneCycleLR:
    """Make the one-cycle schedule of the learning rate.

    The rate rises by a cosine from a tenth of the peak over `warmup_fraction` of the steps, then
    falls by a cosine to a ten-thousandth of the peak.

    Args:
        optimizer: Optimiser whose rate is set.
        config: Settings of the stage.
        total_steps: Steps of the whole run.
    """
    total = max(total_steps, 2)
    warmup = config.warmup_fraction
    if abs(warmup * total - 1.0) < 1e-6:
        warmup = 1.5 / total  # torch divides by the warm-up's steps less one
    return torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        max_lr=config.learning_rate,
        total_steps=total,
        pct_start=warmup,
        div_factor=10.0,
        final_div_factor=1000.0,
        cycle_momentum=False,
    )
