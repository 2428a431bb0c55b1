"""Adversarial training (Madry et al., ICLR 2018).

A share of every batch is attacked by PGD on the model as it is at that step.

An approximation of `pgd` with camera_levels and range_m, on the augmented tensors that training
sees: pixels are those of the network's size, and points move along rays from the keyframe's sensor,
since a batch does not know where other sweeps were taken. Delivered values are not rounded. The
loss raised is the training loss, all heads.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from calico.config.training import AdversarialConfig
from calico.data.batch import Batch
from calico.losses.supervised import compute_losses
from calico.models.calico import CalicoModel
from calico.models.modes import evaluation_mode
from calico.train.finetune import Adversary

MIN_RANGE_M = 1.0


def pgd_adversary(config: AdversarialConfig) -> Adversary:
    """(model, batch) -> the batch with about `config.share` of its frames attacked.

    Random numbers come from torch's global generator, which training seeds at every step. The
    model's mode and its parameters' gradients are as before.
    """

    def attack(model: CalicoModel, batch: Batch) -> Batch:
        chosen = (torch.rand(len(batch)) < config.share).to(batch.points)
        if not bool(chosen.any()):
            return batch
        wanted = [parameter for parameter in model.parameters() if parameter.requires_grad]
        for parameter in wanted:
            parameter.requires_grad_(False)
        try:
            with evaluation_mode(model):
                return _pgd(model, batch, config, chosen)
        finally:
            for parameter in wanted:
                parameter.requires_grad_(True)

    return attack


def _pgd(model: CalicoModel, batch: Batch, config: AdversarialConfig, chosen: Tensor) -> Batch:
    """Make signed steps of 2.5 / steps radii from a random start.

    The steps are in the latent box [-1, 1] of pixels and of ranges.
    """
    levels = (
        config.camera_levels / 255.0 * chosen[:, None, None, None, None]
        if model.camera is not None
        else None
    )
    metres = _reach(batch, config.range_m * chosen) if model.lidar is not None else None
    pixels = torch.rand(batch.images.shape, device=batch.images.device) * 2.0 - 1.0
    ranges = torch.rand(batch.points.shape[:2], device=batch.points.device)[..., None] * 2.0 - 1.0

    def attacked(pixels: Tensor, ranges: Tensor) -> Batch:
        images = (
            batch.images if levels is None else (batch.images + pixels * levels).clamp(0.0, 1.0)
        )
        if metres is None:
            return replace(batch, images=images)
        return replace(
            batch,
            images=images,
            points=torch.cat([batch.points[..., :3] + ranges * metres, batch.points[..., 3:]], 2),
        )

    for _ in range(config.steps):
        pixels, ranges = pixels.detach().requires_grad_(True), ranges.detach().requires_grad_(True)
        candidate = attacked(pixels, ranges)
        loss = compute_losses(model, model(candidate), candidate)["total"]
        step = 2.5 / config.steps
        gradients = torch.autograd.grad(loss, [pixels, ranges], allow_unused=True)
        pixels, ranges = (
            x if gradient is None else (x + step * gradient.sign()).clamp(-1.0, 1.0)
            for x, gradient in zip((pixels, ranges), gradients, strict=True)
        )
    return attacked(pixels.detach(), ranges.detach())


def _reach(batch: Batch, radius_m: Tensor) -> Tensor:
    """(B, N, 3) the largest move of each point along its ray.

    Zero below MIN_RANGE_M and in empty slots.
    """
    xyz = batch.points[..., :3]
    distance = xyz.norm(dim=-1, keepdim=True)
    free = batch.point_mask[..., None] & (distance > MIN_RANGE_M + radius_m[:, None, None])
    return torch.where(free, xyz / distance.clamp_min(1e-6) * radius_m[:, None, None], 0.0)
