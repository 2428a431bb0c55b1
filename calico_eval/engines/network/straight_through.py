"""A gradient for points that leave their pillar, which voxelisation hides.

The true gradient of a point's position holds its pillar fixed. It sees the point's features change,
and is blind to the jump at the border. The encoder takes a maximum over the points of a pillar, so
the jump is known if the features of the other points are held and the shift of a pillar's mean
point is left out. The pillar that the point leaves falls to the second largest value where the
point held the largest. The pillar that it enters rises to the point's features there where they
exceed all others.

For points within reach of a border the term of this module spreads the jump evenly over the way
from reach before the border to reach behind it, in the backward pass only. This is a
straight-through estimator of membership (Bengio et al. 2013), added to the true gradient of the
values. In the forward pass the term is zero.
"""

from __future__ import annotations

import torch
from torch import Tensor

from calico.models.pillars import PillarEncoder


def make_membership_term(
    encoder: PillarEncoder, points: Tensor, mask: Tensor, reach_m: float
) -> Tensor:
    """Make zeros on the pillar grid whose gradient tells points of their change of pillar.

    Args:
        encoder: Pillar encoder of the network.
        points: (B, N, 5) points. The gradient reaches their x and y.
        mask: (B, N) bool, true where a slot holds a point.
        reach_m: How far a point may go [m]. At most half a pillar is used, with which every point
            is within reach of two borders.

    Returns:
        (B, C, Y, X) zeros.
    """
    rows, columns = encoder.grid.shape
    reach = min(reach_m, encoder.grid.cell_m / 2)
    batch, cells = len(points), rows * columns + 1
    first = cells * torch.arange(batch, device=points.device)[:, None]
    with torch.no_grad():
        features = encoder.point_features(points, mask).flatten(0, 1)
        own = encoder.cells(points, mask)
        best, second = two_largest(features, (own + first).flatten(), batch * cells)
    jumps: list[tuple[Tensor, Tensor]] = []
    places = ((own % columns, columns, 1), (own // columns, rows, columns))
    for axis, (place, size, step) in enumerate(places):
        with torch.no_grad():
            from_center = points[..., axis] - encoder.centers(own)[..., axis]
            way = torch.where(from_center > 0, 1, -1)
            other = torch.where(
                (place + way >= 0) & (place + way < size), own + step * way, cells - 1
            )
            to_border = encoder.grid.cell_m / 2 - from_center.abs()
            near = ((own < cells - 1) & (to_border <= reach)).flatten().nonzero()[:, 0]
            left, entered = (own + first).flatten()[near], (other + first).flatten()[near]
            held, most = features[near], best[left]
            lost = (held - second[left]).where(held >= most, 0.0)
            gained = (
                encoder.features_in(points, mask, near, other.flatten()[near]) - best[entered]
            ).clamp_min(0.0)
            slope = way.flatten()[near] / (2.0 * reach)
        along = points[..., axis].flatten()[near]
        share = ((along - along.detach()) * slope)[:, None]
        jumps += [(left, -share * lost), (entered, share * gained)]
    index, change = (torch.cat(parts) for parts in zip(*jumps, strict=True))
    canvas = points.new_zeros(batch * cells, encoder.channels).index_add(0, index, change)
    return (
        canvas.reshape(batch, cells, -1)[:, :-1]
        .reshape(batch, rows, columns, -1)
        .permute(0, 3, 1, 2)
    )


def two_largest(features: Tensor, cell: Tensor, cells: int) -> tuple[Tensor, Tensor]:
    """Find the largest and second largest features of every cell.

    If two points share the largest value, it is both.

    Args:
        features: (N, C) features of the points, at least 0.
        cell: (N,) int64 cell of each point.
        cells: Number of cells.

    Returns:
        (cells, C) largest and (cells, C) second largest, or 0 where a cell has no such point.
    """
    index = cell[:, None].expand_as(features)
    empty = features.new_zeros(cells, features.shape[1])
    best = empty.scatter_reduce(0, index, features, "amax")
    at_best = features >= best[cell]
    second = empty.scatter_reduce(0, index, features.masked_fill(at_best, 0.0), "amax")
    shared = empty.index_add(0, cell, at_best.to(features.dtype)) > 1
    return best, torch.where(shared, best, second)
