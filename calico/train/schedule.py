"""Optimiser and learning-rate schedule: AdamW with one cycle (paper.md section 7; Smith & Topin 2018)."""

from __future__ import annotations

import torch
from torch import nn

from calico.config.training import ScheduleConfig


def make_optimizer(model: nn.Module, config: ScheduleConfig) -> torch.optim.AdamW:
    """AdamW; biases and normalisation parameters (one dimension) are not decayed."""
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
    """From a tenth of the peak up to it over `warmup_fraction` of the steps, then down to a ten-thousandth, by cosine."""
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
