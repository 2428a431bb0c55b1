"""The map head: trunk features, resampled to the map grid, through a UNet or two convolutions.

Source:
    The head of two convolutions is BEVFusion's (Liu et al., ICRA 2023).
"""

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
    """Build the (n, source) matrix that samples one line of cells at the centres of another.

    Sampling is linear and exact. Outside the source the result is zero.

    Args:
        source_min: Lower border of the source line [m].
        source_cell: Side of a source cell [m].
        source: Number of source cells.
        min_m: Lower border of the other line [m].
        cell_m: Side of its cells [m].
        n: Number of its cells.
    """
    place = (min_m + (np.arange(n) + 0.5) * cell_m - source_min) / source_cell - 0.5
    weight = np.maximum(0.0, 1.0 - abs(place[:, None] - np.arange(source)[None]))
    return torch.from_numpy(weight.astype(np.float32))


class Resample(nn.Module):
    """Resamples (B, C, y, x) on one grid to (B, C, Y, X) on another.

    It is bilinear and zero outside, and consists of two products with constant matrices.
    """

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
        """Return the features on the other grid."""
        return torch.matmul(self.rows, torch.matmul(features, self.columns))


class SegmentationHead(nn.Module):
    """Turns (B, inputs, y, x) features on the trunk grid into (B, K, Y, X) logits on the map grid.

    Channels are reduced before the resampling.
    """

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
        """Return the logits."""
        features = self.body(self.resample(self.reduce(bev)))
        with full_precision(bev):
            logits: Tensor = self.classify(at_least_float32(features))
        return logits


class UNet(nn.Module):
    """A UNet of three levels with c, 2 c and 4 c channels, from (B, c, Y, X) to the same shape.

    Any size from 4 x 4 up is accepted.

    Source:
        Ronneberger et al. 2015.
    """

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
        """Return features of the input's shape."""
        full = self.first(x)
        half = self.down1(full)
        low = self.middle(self.down2(half))
        half = self.up1(torch.cat([half, _enlarge(low, half)], dim=1))
        result: Tensor = self.up2(torch.cat([full, _enlarge(half, full)], dim=1))
        return result


def _enlarge(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=False)
