"""Points grouped by pillar on the host: what the TensorRT graph takes in place of points (it cannot scatter with a reduction).

The same cells, in the same float32 arithmetic, as `calico.models.pillars.PillarEncoder.cells`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from calico.frame import Bool, Float32, Int64
from calico.geometry.grid import Grid


@dataclass(frozen=True)
class PillarBudget:
    """Size of the grouped buffers: at most `pillars` pillars a frame and `points` points a pillar."""

    pillars: int
    points: int


@dataclass(frozen=True)
class GroupedPoints:
    """B frames, P pillars, T points.

    points: (B, P, T, 5), zeros in unused slots. count: (B, P) int64, used slots. cell: (B, P) int64, row * X + column, and
    Y * X + p in unused pillar p (every index occurs once).
    lost: (B,) int64, points on the grid that did not fit the budget: the later ones of a pillar, and the last pillars by index.
    """

    points: Float32
    count: Int64
    cell: Int64
    lost: Int64


def point_cells(points: Float32, grid: Grid, z_range_m: tuple[float, float]) -> Int64:
    """(N,) cell of each point (N, 5), row * X + column; Y * X off the grid."""
    rows, columns = grid.shape
    ix = np.floor((points[:, 0] - np.float32(grid.x_min_m)) / np.float32(grid.cell_m))
    iy = np.floor((points[:, 1] - np.float32(grid.y_min_m)) / np.float32(grid.cell_m))
    inside = (ix >= 0) & (ix < columns) & (iy >= 0) & (iy < rows)
    inside &= (points[:, 2] >= np.float32(z_range_m[0])) & (points[:, 2] < np.float32(z_range_m[1]))
    return np.where(inside, iy * columns + ix, rows * columns).astype(np.int64)


def group_points(
    points: Float32, mask: Bool, grid: Grid, z_range_m: tuple[float, float], budget: PillarBudget
) -> GroupedPoints:
    """Groups points (B, N, 5) with mask (B, N) by pillar."""
    batch, cells = len(points), grid.shape[0] * grid.shape[1]
    grouped = np.zeros((batch, budget.pillars, budget.points, 5), np.float32)
    count = np.zeros((batch, budget.pillars), np.int64)
    cell = np.tile(cells + np.arange(budget.pillars, dtype=np.int64), (batch, 1))
    lost = np.zeros(batch, np.int64)
    for index in range(batch):
        real = points[index][mask[index]]
        where = point_cells(real, grid, z_range_m)
        order = np.argsort(where, kind="stable")
        order = order[: np.searchsorted(where[order], cells)]
        occupied, start, pillar, size = np.unique(
            where[order], return_index=True, return_inverse=True, return_counts=True
        )
        slot = np.arange(len(order)) - start[pillar]
        fits = (pillar < budget.pillars) & (slot < budget.points)
        grouped[index, pillar[fits], slot[fits]] = real[order[fits]]
        used = min(len(occupied), budget.pillars)
        count[index, :used] = np.minimum(size[:used], budget.points)
        cell[index, :used] = occupied[:used]
        lost[index] = int((~fits).sum())
    return GroupedPoints(grouped, count, cell, lost)


def measure_budget(points: Float32, mask: Bool, grid: Grid, z_range_m: tuple[float, float]) -> PillarBudget:
    """A budget from example frames (B, N, 5): a quarter more pillars than the fullest has, in steps of 256, and as many points as
    99.9 % of the pillars hold, in steps of 4.
    """
    cells = grid.shape[0] * grid.shape[1]
    most, sizes = 1, [np.ones(1, np.int64)]
    for frame, valid in zip(points, mask, strict=True):
        where = point_cells(frame[valid], grid, z_range_m)
        occupied = np.bincount(where, minlength=cells + 1)[:cells]
        occupied = occupied[occupied > 0]
        most = max(most, len(occupied))
        sizes.append(occupied)
    slots = float(np.quantile(np.concatenate(sizes), 0.999))
    return PillarBudget(min(cells, -(-most * 5 // 4 // 256) * 256), int(-(-slots // 4)) * 4)
