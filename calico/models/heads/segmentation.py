"""BEV map segmentation: trunk features, resampled to the map grid, through a UNet or two convolutions (BEVFusion's head)."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from calico.config.model import MapConfig
from calico.geometry.grid import Grid
from calico.models.layers import at_least_float32, conv_block, full_precision


def bilinear_matrix(
    source_min: float, source_cell: float, source: int, min_m: float, cell_m: float, n: int
) -> Tensor:
    """(n, source) matrix that samples a line of cells at the centres of another line, linearly, zero outside (exact)."""
    place = (min_m + (np.arange(n) + 0.5) * cell_m - source_min) / source_cell - 0.5
    weight = np.maximum(0.0, 1.0 - abs(place[:, None] - np.arange(source)[None]))
    return torch.from_numpy(weight.astype(np.float32))


class Resample(nn.Module):
    """(B, C, y, x) on one grid -> (B, C, Y, X) on another: bilinear, zero outside, as two constant matrix products."""

    rows: Tensor
    columns: Tensor

    def __init__(self, source: Grid, target: Grid) -> None:
        super().__init__()
        (rows, columns), (target_rows, target_columns) = source.shape, target.shape
        weights_y = bilinear_matrix(
            source.y_min_m, source.cell_m, rows, target.y_min_m, target.cell_m, target_rows
        )
        weights_x = bilinear_matrix(
            source.x_min_m, source.cell_m, columns, target.x_min_m, target.cell_m, target_columns
        )
        self.register_buffer("rows", weights_y, persistent=False)
        self.register_buffer("columns", weights_x.T.contiguous(), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """See the class."""
        return torch.matmul(self.rows, torch.matmul(features, self.columns))


class SegmentationHead(nn.Module):
    """(B, inputs, y, x) on the trunk grid -> logits (B, K, Y, X) on the map grid. Channels are reduced before the resampling."""

    def __init__(self, config: MapConfig, inputs: int, trunk: Grid, target: Grid) -> None:
        super().__init__()
        c = config.channels
        self.reduce = conv_block(inputs, c, 1)
        self.resample = Resample(trunk, target)
        self.body: nn.Module = (
            UNet(c) if config.head == "unet" else nn.Sequential(conv_block(c, c), conv_block(c, c))
        )
        self.classify = nn.Conv2d(c, len(config.classes), 1)

    def forward(self, bev: Tensor) -> Tensor:
        """See the class."""
        features = self.body(self.resample(self.reduce(bev)))
        with full_precision(bev):
            logits: Tensor = self.classify(at_least_float32(features))
        return logits


class UNet(nn.Module):
    """Three levels (Ronneberger et al. 2015), channels c, 2c, 4c: (B, c, Y, X) -> (B, c, Y, X), any size from 4 x 4 up."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        c = channels
        self.first, self.down1, self.down2 = (
            conv_block(c, c),
            conv_block(c, 2 * c, 3, 2),
            conv_block(2 * c, 4 * c, 3, 2),
        )
        self.middle = conv_block(4 * c, 4 * c)
        self.up1, self.up2 = conv_block(6 * c, 2 * c), conv_block(3 * c, c)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        full = self.first(x)
        half = self.down1(full)
        low = self.middle(self.down2(half))
        half = self.up1(torch.cat([half, _enlarge(low, half)], dim=1))
        result: Tensor = self.up2(torch.cat([full, _enlarge(half, full)], dim=1))
        return result


def _enlarge(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=False)
