"""From BEV features to the unit embeddings that pre-training contrasts."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from calico.geometry.grid import Grid
from calico.models.layers import scale_to_unit


class Projector(nn.Module):
    """Turns (n, inputs) features into (n, outputs) unit embeddings.

    Layers: linear, batch norm, ReLU, linear, L2 norm. A single row has no batch statistics and is
    normalised by the running ones. No rows give no rows. The L2 norm is taken in float32 at least,
    also under autocast.

    Args:
        inputs: Channels of the features.
        hidden: Width of the hidden layer, 256 by default [D].
        outputs: Width of the embeddings, 128 by default [D].

    Source:
        Two-layer MLP of SimCLR (Chen et al., ICML 2020), with batch norm.
    """

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(inputs, hidden, bias=False)
        self.norm = nn.BatchNorm1d(hidden)
        self.output = nn.Linear(hidden, outputs)

    def forward(self, features: Tensor) -> Tensor:
        """Return the embeddings of (n, inputs) features."""
        hidden = self.hidden(features)
        if self.training and len(hidden) < 2:
            norm = self.norm
            hidden = F.batch_norm(
                hidden, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
            )
        else:
            hidden = self.norm(hidden)
        return scale_to_unit(self.output(F.relu(hidden)))


def sample_bev(features: Tensor, xy: Tensor, grid: Grid) -> Tensor:
    """Sample a BEV map at points, bilinearly and in float32 at least.

    Args:
        features: (B, C, Y, X) map, rows along y, columns along x, cells of equal size that fill
            `grid`'s rectangle.
        xy: (B, S, 2) points in the frame of the map [m].
        grid: Rectangle of the map. Its cells may have another size than the map's.

    Returns:
        (B, S, C) samples. A point off the map gets the value at the map's edge.
    """
    wide = torch.promote_types(features.dtype, torch.float32)
    low = xy.new_tensor([grid.x_min_m, grid.y_min_m])
    size = xy.new_tensor([grid.x_max_m - grid.x_min_m, grid.y_max_m - grid.y_min_m])
    where = ((xy - low) * (2.0 / size) - 1.0).to(wide)
    sampled = F.grid_sample(
        features.to(wide),
        where[:, :, None],
        mode="bilinear",
        padding_mode="border",
        align_corners=False,
    )
    return sampled[..., 0].transpose(1, 2)
