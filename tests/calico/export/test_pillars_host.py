from __future__ import annotations

import numpy as np
import torch

from calico.export.pillars import PillarBudget, group_points, measure_budget, point_cells
from calico.geometry.grid import Grid
from calico.models.pillars import PillarEncoder

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
        theirs = network.cells(torch.from_numpy(given), torch.ones(2, 400, dtype=torch.bool)).numpy()
        np.testing.assert_array_equal(ours, theirs)


def test_every_point_lands_in_its_pillar_once() -> None:
    points, mask = cloud()
    grouped = group_points(points, mask, GRID, Z_RANGE, PillarBudget(300, 10))
    for frame in range(2):
        assert grouped.lost[frame] == 0
        cells = point_cells(points[frame], GRID, Z_RANGE)
        wanted = sorted(
            (int(c), *p) for c, p, m in zip(cells, points[frame].tolist(), mask[frame], strict=True) if m and c < 800
        )
        found = []
        for cell, count, members in zip(grouped.cell[frame], grouped.count[frame], grouped.points[frame], strict=True):
            found += [(int(cell), *member) for member in members[:count].tolist()]
            assert (members[count:] == 0).all()
        assert sorted(found) == wanted
        assert len(set(grouped.cell[frame].tolist())) == 300  # no index twice: the graph scatters without a reduction


def test_points_without_room_are_counted() -> None:
    points = np.zeros((1, 7, 5), np.float32)
    points[0, 4:, 0] = 1.0  # four points in one pillar, three in another
    mask = np.ones((1, 7), np.bool_)
    assert group_points(points, mask, GRID, Z_RANGE, PillarBudget(4, 3)).lost.tolist() == [1]
    assert group_points(points, mask, GRID, Z_RANGE, PillarBudget(1, 4)).lost.tolist() == [3]
    assert group_points(points, mask, GRID, Z_RANGE, PillarBudget(2, 4)).lost.tolist() == [0]


def test_an_empty_frame_has_no_pillars() -> None:
    grouped = group_points(
        np.zeros((1, 3, 5), np.float32), np.zeros((1, 3), np.bool_), GRID, Z_RANGE, PillarBudget(4, 2)
    )
    assert grouped.count.sum() == 0
    assert grouped.cell.tolist() == [[800, 801, 802, 803]]


def test_a_measured_budget_has_room() -> None:
    points, mask = cloud()
    budget = measure_budget(points, mask, GRID, Z_RANGE)
    assert budget.pillars == 256
    assert budget.points == 4
    assert group_points(points, mask, GRID, Z_RANGE, budget).lost.max() <= 1
