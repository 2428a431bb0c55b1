"""Points grouped by pillar on the host, for the TensorRT graph.

TensorRT cannot scatter with a reduction. Cells are the same, in the same float32 arithmetic, as in
`calico.models.pillars.PillarEncoder.cells`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from calico.frame import Bool, Float32, Float64, Int64
from calico.geometry.grid import Grid
from calico.models.pillars import MAX_ROWS_PER_PILLAR

ROW_POINTS = 8
"""T: most pillars hold a few points, some near the sensor hundreds."""


@dataclass(frozen=True)
class PillarBudget:
    """Size of the grouped buffers.

    Attributes:
        rows: Rows per frame.
        points: Points per row, all of one pillar.
    """

    rows: int
    points: int


@dataclass(frozen=True)
class GroupedPoints:
    """Points of B frames in P rows of T slots: inputs of `PillarEncoder.from_rows`.

    Attributes:
        points: (B, P, T, 5) float32, zeros in unused slots. A pillar of more than T points takes
            several rows, one after the other.
        count: (B, P) int64 used slots.
        cell: (B, P) int64, row * X + column of the pillar, rising, or Y * X + p in unused row p.
        mean: (B, P, 3) float32 mean of the pillar's points minus its centre [m].
        lost: (B,) int64 points on the grid that found no space: beyond the last row (the pillars of
            the highest index), or beyond MAX_ROWS_PER_PILLAR rows of one pillar.
    """

    points: Float32
    count: Int64
    cell: Int64
    mean: Float32
    lost: Int64


def point_cells(points: Float32, grid: Grid, z_range_m: tuple[float, float]) -> Int64:
    """Find the cell of each point.

    Args:
        points: (N, 5) points.
        grid: Pillar grid.
        z_range_m: Lowest and highest z [m].

    Returns:
        (N,) cells, row * X + column, or Y * X off the grid.
    """
    rows, columns = grid.shape
    ix = np.floor((points[:, 0] - np.float32(grid.x_min_m)) / np.float32(grid.cell_m))
    iy = np.floor((points[:, 1] - np.float32(grid.y_min_m)) / np.float32(grid.cell_m))
    inside = (ix >= 0) & (ix < columns) & (iy >= 0) & (iy < rows)
    inside &= (points[:, 2] >= np.float32(z_range_m[0])) & (points[:, 2] < np.float32(z_range_m[1]))
    return np.where(inside, iy * columns + ix, rows * columns).astype(np.int64)


def group_points(
    points: Float32, mask: Bool, grid: Grid, z_range_m: tuple[float, float], budget: PillarBudget
) -> GroupedPoints:
    """Group points by pillar.

    Args:
        points: (B, N, 5) points.
        mask: (B, N) True for slots that hold a point.
        grid: Pillar grid.
        z_range_m: Lowest and highest z [m].
        budget: Size of the buffers.
    """
    batch, cells = len(points), grid.shape[0] * grid.shape[1]
    result = GroupedPoints(
        points=np.zeros((batch, budget.rows, budget.points, 5), np.float32),
        count=np.zeros((batch, budget.rows), np.int64),
        cell=np.tile(cells + np.arange(budget.rows, dtype=np.int64), (batch, 1)),
        mean=np.zeros((batch, budget.rows, 3), np.float32),
        lost=np.zeros(batch, np.int64),
    )
    for index in range(batch):
        real = points[index][mask[index]]
        where = point_cells(real, grid, z_range_m)
        order = np.argsort(where, kind="stable")
        order = order[: np.searchsorted(where[order], cells)]
        occupied, start, pillar, size = np.unique(
            where[order], return_index=True, return_inverse=True, return_counts=True
        )
        chunk, slot = np.divmod(np.arange(len(order)) - start[pillar], budget.points)
        chunks = np.minimum(-(-size // budget.points), MAX_ROWS_PER_PILLAR)
        row = (np.cumsum(chunks) - chunks)[pillar] + chunk
        fits = (chunk < MAX_ROWS_PER_PILLAR) & (row < budget.rows)
        kept = order[fits]
        result.points[index, row[fits], slot[fits]] = real[kept]
        result.count[index] = np.bincount(row[fits], minlength=budget.rows)
        result.cell[index, row[fits]] = where[kept]
        mean = _mean_offsets(real[order], pillar, occupied, grid, z_range_m)
        result.mean[index, row[fits]] = mean[pillar[fits]]
        result.lost[index] = len(order) - len(kept)
    return result


def _mean_offsets(
    points: Float32, pillar: Int64, occupied: Int64, grid: Grid, z_range_m: tuple[float, float]
) -> Float64:
    """(pillars, 3) mean of each pillar's points minus its centre."""
    columns = grid.shape[1]
    x = grid.x_min_m + (occupied % columns + 0.5) * grid.cell_m
    y = grid.y_min_m + (occupied // columns + 0.5) * grid.cell_m
    center = np.stack([x, y, np.full_like(x, sum(z_range_m) / 2)], axis=1)
    offset = points[:, :3] - center[pillar]
    sums = [np.bincount(pillar, offset[:, axis], len(occupied)) for axis in range(3)]
    result: Float64 = np.stack(sums, axis=1) / np.bincount(pillar, minlength=len(occupied))[:, None]
    return result


def measure_budget(
    frames: Iterable[Float32], grid: Grid, z_range_m: tuple[float, float]
) -> PillarBudget:
    """Choose the size of the buffers from example points.

    Args:
        frames: (N, 5) points of each example frame.
        grid: Pillar grid.
        z_range_m: Lowest and highest z [m].
    """
    cells = grid.shape[0] * grid.shape[1]
    most = 1
    for points in frames:
        sizes = np.bincount(point_cells(points, grid, z_range_m), minlength=cells + 1)[:cells]
        most = max(most, int((-(-sizes // ROW_POINTS)).sum()))
    return PillarBudget(-(-most * 5 // 4 // 256) * 256, ROW_POINTS)
