"""BEV features of a model that is left as it is: what the diagnostics look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from calico.data.batch import Batch, collate_frames
from calico.data.source import FrameSource
from calico.frame import Frame
from calico.geometry.grid import Grid
from calico.models.calico import CalicoModel
from calico.models.modes import evaluation_mode
from calico_eval.evaluate import split_batches

Branch = Literal["lidar", "camera", "both", "fused"]
"""lidar: `CalicoModel.lidar_features`, the trunk's output for LiDAR alone.

Camera: `CalicoModel.camera_bev`. both: the channels of lidar, then those of camera, averaged over
the trunk's cells: what cameras add to LiDAR before fusion is learnt. fused: the trunk's output for
both sensors, what the heads see.
"""


@contextmanager
def left_alone(model: nn.Module) -> Iterator[None]:
    """Switch to evaluation mode without gradients, and restore every module's mode afterwards."""
    with evaluation_mode(model), torch.no_grad():
        yield


def feature_grid(model: CalicoModel, branch: Branch) -> Grid:
    """The grid of a branch's features."""
    return model.branch_grid if branch == "camera" else model.trunk_grid


def feature_maps(
    model: CalicoModel, source: FrameSource, indices: Sequence[int], branch: Branch
) -> Iterator[tuple[Frame, Tensor]]:
    """Yield frames and their features (C, Y, X) on `feature_grid`, in the order of the indices.

    Use it within `left_alone`.
    """
    device = next(model.parameters()).device
    for group in split_batches(indices, model.config.eval.batch_size):
        frames = [source[index] for index in group]
        batch = collate_frames(frames).to(device)
        yield from zip(frames, _features(model, batch, branch), strict=True)


def _features(model: CalicoModel, batch: Batch, branch: Branch) -> Tensor:
    if branch == "lidar":
        return model.lidar_features(batch)
    camera = model.camera_bev(batch)
    if branch == "camera":
        return camera
    if branch == "fused":
        return model.run_trunk(model.fuse_branches(camera, model.lidar_bev(batch)))
    return torch.cat(
        [
            model.lidar_features(batch),
            functional.adaptive_avg_pool2d(camera, model.trunk_grid.shape),
        ],
        1,
    )
