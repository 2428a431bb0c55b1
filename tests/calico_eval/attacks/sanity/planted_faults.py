"""Models with a known fault each, made from a sound engine: what the sanity checks must find."""

from __future__ import annotations

import copy
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from calico.data.batch import Batch
from calico.models.calico import CalicoModel, Outputs
from calico.models.heads.center import TaskOutput
from calico.models.pillars import PillarEncoder
from calico_eval.engines.torch import TorchEngine


class _ImageFault(nn.Module):
    """The image encoder with a fault before or behind it."""

    def __init__(self, encoder: nn.Module, fault: str) -> None:
        super().__init__()
        self.encoder, self.fault = encoder, fault

    def forward(self, images: Tensor) -> Tensor:
        if self.fault == "detach":
            return self.encoder(images).detach()
        rounded = torch.round(images * 8) / 8
        if self.fault == "straight-through rounding":
            rounded = images + (rounded - images).detach()
        return self.encoder(rounded)


class _DetachedPillars(PillarEncoder):
    def canvas(self, points: Tensor, mask: Tensor) -> Tensor:
        return super().canvas(points, mask).detach()


class _RoundedPillars(PillarEncoder):
    def canvas(self, points: Tensor, mask: Tensor) -> Tensor:
        return super().canvas(torch.round(points * 20) / 20, mask)


class _StraightThroughRoundedPillars(PillarEncoder):
    def canvas(self, points: Tensor, mask: Tensor) -> Tensor:
        return super().canvas(points + (torch.round(points * 20) / 20 - points).detach(), mask)


class _HeadFault(nn.Module):
    """The detection head with saturated logits, or behind a dropout that is always on."""

    def __init__(self, head: nn.Module, fault: str) -> None:
        super().__init__()
        self.head, self.fault = head, fault

    def forward(self, bev: Tensor) -> tuple[TaskOutput, ...]:
        if self.fault == "dropout":
            return self.head(F.dropout(bev, 0.2, training=True))
        return tuple(
            replace(task, heatmap=16 * torch.sigmoid(200 * task.heatmap + 80) - 8)
            for task in self.head(bev)
        )


class _OtherForward(CalicoModel):
    """A model whose own forward pass is not made of the parts that attacks differentiate."""

    def forward(self, batch: Batch) -> Outputs:
        outputs = super().forward(batch)
        return replace(
            outputs, tasks=tuple(replace(task, heatmap=2 * task.heatmap) for task in outputs.tasks)
        )


PILLARS = {
    "points detached": _DetachedPillars,
    "points rounded": _RoundedPillars,
    "points rounded, straight-through": _StraightThroughRoundedPillars,
}
IMAGES = {
    "images detached": "detach",
    "images rounded": "rounding",
    "images rounded, straight-through": "straight-through rounding",
}


def faulty(sound: TorchEngine, fault: str) -> TorchEngine:
    """A copy of the engine with the fault."""
    model = copy.deepcopy(sound.model)
    if fault in PILLARS:
        model.lidar.__class__ = PILLARS[fault]
    elif fault in IMAGES:
        model.camera = _ImageFault(model.camera, IMAGES[fault])
    elif fault == "other forward":
        model.__class__ = _OtherForward
    else:
        model.center = _HeadFault(model.center, fault)
    return TorchEngine(model, sound.config, "cpu", f"mini with {fault}")
