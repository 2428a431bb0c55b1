"""A gradient for what voxelisation hides: that a point which moves far enough leaves its pillar and appears in the next.

The true gradient of a point's position holds its pillar fixed: it sees the point's features change, and is blind to the jump
at the border. This term is zero in the forward pass. In the backward pass it is the gradient of splatting the point's (fixed)
features bilinearly over the four pillars about it, as if a point half way between two pillars were half in each: a straight
through estimator (Bengio et al. 2013) of membership, added to the true gradient of the values.
"""

from __future__ import annotations

import torch
from torch import Tensor

from calico.models.pillars import PillarEncoder


def membership(encoder: PillarEncoder, points: Tensor, mask: Tensor) -> Tensor:
    """(B, C, Y, X) zeros on the pillar grid, with a gradient for x, y of points (B, N, 5); mask (B, N)."""
    rows, columns = encoder.grid.shape
    with torch.no_grad():
        features = encoder.point_features(points, mask)
        cell = encoder.cells(points, mask)
        real = (cell < rows * columns)[..., None]
    x = (points[..., 0] - encoder.grid.x_min_m) / encoder.grid.cell_m - 0.5
    y = (points[..., 1] - encoder.grid.y_min_m) / encoder.grid.cell_m - 0.5
    left, low = x.detach().floor(), y.detach().floor()
    batch = torch.arange(len(points), device=points.device)[:, None]
    canvas = points.new_zeros(len(points) * rows * columns, encoder.channels)
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        column, row = left + dx, low + dy
        weight = (1.0 - (x - column).abs()) * (1.0 - (y - row).abs())
        inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
        index = (batch * rows + row.clamp(0, rows - 1).long()) * columns + column.clamp(0, columns - 1).long()
        part = features * (weight * inside)[..., None] * real
        canvas = canvas.index_add(0, index.flatten(), part.flatten(0, 1))
    soft = canvas.reshape(len(points), rows, columns, encoder.channels).permute(0, 3, 1, 2)
    return soft - soft.detach()
