"""Points grouped by pillar on the host: what the TensorRT graph takes in place of points (it cannot scatter with a reduction).

The same cells, in the same float32 arithmetic, as `calico.models.pillars.PillarEncoder.cells`.
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
    """Size of the grouped buffers: at most `rows` rows a frame, each of at most `points` points of one pillar."""

    rows: int
    points: int


@dataclass(frozen=True)
class GroupedPoints:
    """B frames, P rows, T points; the inputs of `calico.models.pillars.PillarEncoder.from_rows`.

    points: (B, P, T, 5) float32, zeros in unused slots. A pillar of more than T points takes
        several rows, one after the other.
    count: (B, P) int64, used slots. cell: (B, P) int64, row * X + column of the pillar, rising; Y *
        X + p in unused row p.
    mean: (B, P, 3) float32, mean of the pillar's points minus its centre.
    lost: (B,) int64, points on the grid that found no room: beyond the last row (the pillars of the
        highest index), or beyond MAX_ROWS_PER_PILLAR rows of one pillar.
    """

    points: Float32
    count: Int64
    cell: Int64
    mean: Float32
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
    """Rows of ROW_POINTS points, a quarter more of them than the fullest example frame needs, in steps of 256.

    Args:
        frames: points (N, 5) of each frame, without padding.
    """
    cells = grid.shape[0] * grid.shape[1]
    most = 1
    for points in frames:
        sizes = np.bincount(point_cells(points, grid, z_range_m), minlength=cells + 1)[:cells]
        most = max(most, int((-(-sizes // ROW_POINTS)).sum()))
    return PillarBudget(-(-most * 5 // 4 // 256) * 256, ROW_POINTS)
