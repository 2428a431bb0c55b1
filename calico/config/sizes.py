"""Sizes that follow from the settings.

They are the grid of the image features and the tensors that need the most memory.
"""

from __future__ import annotations

import math
import operator
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from calico.config.schema import Config

MIN_CAMERA_CELL_M = 0.5
MAX_VALUES = 2**31
"""Of one tensor for one frame: 8 GiB as float32. `calico.models.calico` limits the number of
weights."""


def camera_stride(config: Config) -> int:
    """Return the pillars per cell of the grid on which image features are looked up.

    It is the coarser of the branches' and the trunk's grid, doubled until its cells are at least
    MIN_CAMERA_CELL_M wide. Image features are no finer than that, and the cost grows with the
    number of cells. A coarser grid than `branch_grid` is brought to it bilinearly.
    """
    bev, grid = config.model.bev, config.grid.pillars
    stride = max(bev.strides[0], bev.out_stride)
    while grid.cell_m * stride < MIN_CAMERA_CELL_M and all(
        size % (2 * stride) == 0 for size in grid.shape
    ):
        stride *= 2
    return stride


def largest_tensors(config: Config) -> dict[str, int]:
    """Count the values of the tensors that grow fastest with the settings, for one frame.

    Returns:
        Names of the settings that decide a tensor's size, to its number of values.
    """
    grid, model, bev = config.grid, config.model, config.model.bev
    cells = math.prod(grid.pillars.shape)
    out = cells // bev.out_stride**2
    levels = accumulate(bev.strides, operator.mul)
    maps = [
        cells // stride**2 * channels for stride, channels in zip(levels, bev.channels, strict=True)
    ]
    found = {
        "grid, model.bev.channels": max(maps),
        "grid, model.bev.neck_channels": out * bev.neck_channels * len(bev.layers),
    }
    if model.lidar is not None:
        found["grid, model.lidar.pillar_channels"] = cells * model.lidar.pillar_channels
    if model.map is not None:
        found["grid.map_*, model.map.channels"] = math.prod(grid.map.shape) * model.map.channels
    if model.detection is not None:
        found["grid, model.detection"] = (
            2 * out * model.detection.channels * len(model.detection.tasks)
        )
    return found | _camera_tensors(config, cells)


def _camera_tensors(config: Config, cells: int) -> dict[str, int]:
    camera = config.model.camera
    if camera is None:
        return {}
    views = max(len(config.data.cameras), 1)
    pixels = math.prod(camera.image_size) * views
    features = pixels // camera.feature_stride**2
    places = cells // camera_stride(config) ** 2 * len(camera.heights_m)
    return {
        "model.camera.image_size, data.cameras": 3 * pixels,
        "model.camera.image_size, model.camera.fpn_channels": features * camera.fpn_channels,
        "model.camera.image_size, model.camera.depth_bins": features * camera.depth_bins,
        "grid, model.camera.heights_m, model.camera.channels": places * camera.channels * views,
    }
