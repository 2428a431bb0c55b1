"""BEV features of a model that is left as it is: what the diagnostics look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn

from calico.data.batch import collate
from calico.data.source import FrameSource
from calico.frame import Frame
from calico.geometry.grid import Grid
from calico.models.calico import CalicoModel
from calico_eval.evaluate import batches

Branch = Literal["lidar", "camera"]
"""lidar: `CalicoModel.lidar_features`, the trunk's output for LiDAR alone. camera: `CalicoModel.camera_bev`."""


@contextmanager
def left_alone(model: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards every module is in the mode it was in before."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


def feature_grid(model: CalicoModel, branch: Branch) -> Grid:
    """The grid of a branch's features."""
    return model.trunk_grid if branch == "lidar" else model.branch_grid


def feature_maps(
    model: CalicoModel, source: FrameSource, indices: Sequence[int], branch: Branch
) -> Iterator[tuple[Frame, Tensor]]:
    """Frames and their features (C, Y, X) on `feature_grid`, in the order of the indices. Use within `left_alone`."""
    device = next(model.parameters()).device
    for group in batches(indices, model.config.eval.batch_size):
        frames = [source[index] for index in group]
        batch = collate(frames).to(device)
        features = model.lidar_features(batch) if branch == "lidar" else model.camera_bev(batch)
        yield from zip(frames, features, strict=True)
