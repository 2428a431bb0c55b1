"""Checks that an attack number means something (S7: no dead gradients)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from calico.data.batch import collate
from calico.frame import Frame
from calico_eval.attacks.forward import white_box
from calico_eval.attacks.objectives import OBJECTIVES, Scene
from calico_eval.engines.torch import TorchEngine


@dataclass(frozen=True)
class GradientCheck:
    """Where the gradient of an objective arrives on one frame.

    view_share: share of each view's pixels with a finite gradient other than zero; empty for a model without cameras.
    point_share: the same share of the points; None for a model without LiDAR or a frame without points.
    bad: entries that are NaN or infinite.
    dead: names of the inputs that get no gradient at all ("view 2", "points"). Gradient masking looks like this, and an
        attack on such an input says nothing about robustness.
    """

    view_share: tuple[float, ...]
    point_share: float | None
    bad: int
    dead: tuple[str, ...]


def dead_gradients(engine: TorchEngine, frame: Frame, objective: str = "det") -> GradientCheck:
    """Takes the gradient of an objective on the clean frame with respect to every pixel and every point's x, y, z.

    The default objective looks at every cell of the heat map, so that each input in range should feel it.
    """
    batch = collate([frame]).to(engine.device)
    images, points = batch.images.requires_grad_(True), batch.points.requires_grad_(True)
    with white_box(engine):
        batch = replace(batch, images=images, points=points)
        loss = OBJECTIVES[objective].loss(Scene(engine.model, batch), engine.model(batch))
        gradients = torch.autograd.grad(loss.sum(), [images, points], allow_unused=True)
    on_images, on_points = (torch.zeros(1) if gradient is None else gradient for gradient in gradients)
    view_share: tuple[float, ...] = ()
    if "camera" in engine.sensors:
        view_share = tuple(
            _share(on_images[0, view, :, : image.shape[0], : image.shape[1]].flatten(1).T)
            if on_images.ndim == 5
            else 0.0
            for view, image in enumerate(frame.images)
        )
    point_share = None
    if "lidar" in engine.sensors and len(frame.points):
        point_share = _share(on_points[0, :, :3]) if on_points.ndim == 3 else 0.0
    dead = [f"view {view}" for view, share in enumerate(view_share) if share == 0]
    dead += ["points"] if point_share == 0 else []
    bad = sum(int((~torch.isfinite(gradient)).sum()) for gradient in (on_images, on_points))
    return GradientCheck(view_share, point_share, bad, tuple(dead))


def _share(gradient: Tensor) -> float:
    """Rows of (N, C) with a finite entry other than zero, as a share."""
    alive = (torch.isfinite(gradient) & (gradient != 0)).any(dim=1)
    return float(alive.float().mean())
