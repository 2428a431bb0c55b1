from __future__ import annotations

import numpy as np
import torch

from calico.export.pillars import PillarBudget, group_points, measure_budget, point_cells
from calico.geometry.grid import Grid
from calico.models.pillars import MAX_ROWS_PER_PILLAR, PillarEncoder

GRID = Grid(-4.0, 4.0, -2.0, 2.0, 0.2)
Z_RANGE = (-3.0, 1.0)


def cloud() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    points = rng.uniform([-5, -3, -4, 0, 0], [5, 3, 2, 1, 0.5], (2, 400, 5)).astype(np.float32)
    return points, rng.uniform(size=(2, 400)) < 0.9


def test_cells_agree_with_the_networks_also_on_borders() -> None:
    points = cloud()[0]
    borders = points.copy()
    borders[..., :2] = np.round(borders[..., :2] * 5) / 5  # on cell borders, up to rounding
    borders[..., 2] = np.round(borders[..., 2])
    network = PillarEncoder(GRID, Z_RANGE, 4, 2)
    for given in (points, borders):
        ours = np.stack([point_cells(frame, GRID, Z_RANGE) for frame in given])
        theirs = network.cells(
            torch.from_numpy(given), torch.ones(2, 400, dtype=torch.bool)
        ).numpy()
        np.testing.assert_array_equal(ours, theirs)


def test_every_point_lands_in_a_row_of_its_pillar_once() -> None:
    points, mask = cloud()
    points[0, :30, :2] = 0.3  # one pillar of many rows
    grouped = group_points(points, mask, GRID, Z_RANGE, PillarBudget(400, 4))
    for frame in range(2):
        assert grouped.lost[frame] == 0
        cells = point_cells(points[frame], GRID, Z_RANGE)
        members: dict[int, list[list[float]]] = {}
        for cell, point, valid in zip(
            cells.tolist(), points[frame].tolist(), mask[frame], strict=True
        ):
            if valid and cell < 800:
                members.setdefault(cell, []).append(point)
        found: dict[int, list[list[float]]] = {}
        for cell, count, row, mean in zip(
            grouped.cell[frame].tolist(),
            grouped.count[frame],
            grouped.points[frame],
            grouped.mean[frame],
            strict=True,
        ):
            assert (row[count:] == 0).all()
            if count:
                found.setdefault(cell, []).extend(row[:count].tolist())
                center = [-4 + (cell % 40 + 0.5) * 0.2, -2 + (cell // 40 + 0.5) * 0.2, -1.0]
                np.testing.assert_allclose(
                    mean, np.mean(members[cell], axis=0)[:3] - center, atol=1e-5
                )
        assert found == members
        assert (np.diff(grouped.cell[frame]) >= 0).all()
        spare = grouped.cell[frame][grouped.count[frame] == 0]
        assert len(set(spare.tolist())) == len(spare)


def test_points_without_room_are_counted() -> None:
    points = np.zeros((1, 7, 5), np.float32)
    points[0, 4:, 0] = 1.0  # four points in one pillar, three in another
    mask = np.ones((1, 7), np.bool_)
    assert group_points(points, mask, GRID, Z_RANGE, PillarBudget(4, 3)).lost.tolist() == [0]
    assert group_points(points, mask, GRID, Z_RANGE, PillarBudget(2, 3)).lost.tolist() == [3]
    assert group_points(points, mask, GRID, Z_RANGE, PillarBudget(2, 4)).lost.tolist() == [0]
    many = np.zeros((1, MAX_ROWS_PER_PILLAR * 2 + 5, 5), np.float32)
    assert group_points(
        many, many[..., 0] == 0, GRID, Z_RANGE, PillarBudget(999, 2)
    ).lost.tolist() == [5]


def test_an_empty_frame_has_no_pillars() -> None:
    grouped = group_points(
        np.zeros((1, 3, 5), np.float32),
        np.zeros((1, 3), np.bool_),
        GRID,
        Z_RANGE,
        PillarBudget(4, 2),
    )
    assert grouped.count.sum() == 0
    assert grouped.cell.tolist() == [[800, 801, 802, 803]]


def test_a_measured_budget_has_a_quarter_to_spare() -> None:
    points = np.zeros((1, 4000, 5), np.float32)
    budget = measure_budget(points, GRID, Z_RANGE)
    assert budget == PillarBudget(768, 8)  # 500 rows, times 1.25, in steps of 256
    assert group_points(points, points[..., 0] == 0, GRID, Z_RANGE, budget).lost.tolist() == [
        4000 - MAX_ROWS_PER_PILLAR * 8
    ]
    assert measure_budget([points[0, :0]], GRID, Z_RANGE).rows == 256
