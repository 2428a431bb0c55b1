"""What points are worth to a loss that is known by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from calico.data.batch import Batch
from calico_eval.engines.point_values import CELL_M, MeasuredPoints, find_cells


def cloud(*xy: tuple[float, float]) -> Batch:
    points = torch.zeros(1, len(xy), 5)
    points[0, :, :2] = torch.tensor(xy)
    return Batch(
        points,
        torch.ones(1, len(xy), dtype=torch.bool),
        torch.zeros(1, 0, 3, 1, 1),
        torch.zeros(1, 0, 4, 4),
    )


def worth(points: Tensor) -> Tensor:
    return 3.0 * points[..., 0] - points[..., 1] ** 2


def weighted(batch: Batch) -> Tensor:
    return (batch.point_mask * worth(batch.points)).sum(dim=1)


FAR = cloud((1.1, 0.2), (5.1, 2.2), (5.2, 2.3), (-4.0, 1.0))


def test_point_weights_tell_what_a_point_is_worth_exactly() -> None:
    values = MeasuredPoints(weighted, FAR, weighted=True)
    alone, together = values.rate_removals()
    expected = -worth(FAR.points)[0]
    torch.testing.assert_close(alone, expected)
    torch.testing.assert_close(together[1], expected[1:3].mean())
    torch.testing.assert_close(together[[0, 3]], expected[[0, 3]])
    added = torch.tensor([[2.0, 1.0, 0, 0, 0], [-2.0, 0.0, 0, 0, 0]])
    torch.testing.assert_close(values.rate_additions(added, 1), worth(added))
    assert values.loss == pytest.approx(float(worth(FAR.points).sum()))
    assert (values.forwards, values.backwards) == (2, 2)


def test_without_weights_a_point_that_vanishes_moves_onto_its_neighbour() -> None:
    def along_x(batch: Batch) -> Tensor:
        return (batch.points[..., 0] * torch.tensor([1.0, 2.0, 4.0, 8.0])).sum(dim=1)

    alone, together = MeasuredPoints(along_x, FAR, weighted=False).rate_removals()
    nearest = torch.tensor([5.1 - 1.1, 5.2 - 5.1, 5.1 - 5.2, 1.1 + 4.0])
    nearest[0] = 5.1 - 1.1  # 4.47 m away; the last point is 5.16 m away
    torch.testing.assert_close(alone, nearest * torch.tensor([1.0, 2.0, 4.0, 8.0]))
    torch.testing.assert_close(together, torch.tensor([1.0, 3.0, 3.0, 8.0]))


def test_without_weights_candidates_are_measured_in_groups() -> None:
    def plain(batch: Batch) -> Tensor:
        return torch.where(batch.point_mask, worth(batch.points), 0.0).sum(dim=1)

    values = MeasuredPoints(plain, FAR, weighted=False)
    added = torch.zeros(20, 5)
    added[:, 0] = torch.arange(20.0)
    gain = values.rate_additions(added, 2)
    torch.testing.assert_close(gain[:4], torch.tensor([1.5, 1.5, 7.5, 7.5]))
    assert torch.isinf(gain[16:]).all()
    assert torch.isfinite(gain[:16]).all()
    assert values.forwards == 9


@pytest.mark.parametrize("factor", [0.0, float("nan")])
def test_gradients_of_zero_or_of_no_number_are_counted(factor: float) -> None:
    loss: Callable[[Batch], Tensor] = lambda batch: factor * weighted(batch)  # noqa: E731
    values = MeasuredPoints(loss, FAR, weighted=True)
    assert values.dead_gradient
    assert (values.bad_gradients > 0) == (factor != factor)
    assert not values.rate_removals()[0].any()


def test_cells_are_squares_on_the_ground() -> None:
    points = cloud((0.01, 0.01), (CELL_M - 0.01, 0.49), (CELL_M + 0.01, 0.01), (-0.01, 0.01))
    one, two, three, four = find_cells(points.points[0]).tolist()
    assert one == two
    assert len({one, three, four}) == 3
