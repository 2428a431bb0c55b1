from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from calico.geometry.grid import Grid
from calico.models.embed import Projector, sample_bev

GRID = Grid(-8.0, 4.0, -2.0, 6.0, 1.0)


def features(n: int, seed: int = 0) -> Tensor:
    return torch.randn(n, 6, generator=torch.Generator().manual_seed(seed))


def projector() -> Projector:
    torch.manual_seed(1)
    return Projector(6, 16, 4)


def test_projector_against_numpy() -> None:
    module, rows = projector().double(), features(9).double()
    weight = {name: value.detach().numpy() for name, value in module.state_dict().items()}
    hidden = rows.numpy() @ weight["hidden.weight"].T
    hidden = (hidden - hidden.mean(0)) / np.sqrt(hidden.var(0) + 1e-5)
    hidden = np.maximum(hidden * weight["norm.weight"] + weight["norm.bias"], 0.0)
    output = hidden @ weight["output.weight"].T + weight["output.bias"]
    expected = output / np.linalg.norm(output, axis=1, keepdims=True)
    np.testing.assert_allclose(module(rows).detach().numpy(), expected, rtol=1e-10)


@pytest.mark.parametrize("n", [0, 1, 2, 30])
@pytest.mark.parametrize("training", [True, False])
def test_any_number_of_rows_gives_unit_rows_and_a_gradient(n: int, training: bool) -> None:
    module = projector().train(training)
    rows = features(n).requires_grad_()
    embedded = module(rows)
    assert embedded.shape == (n, 4)
    torch.testing.assert_close(embedded.norm(dim=1), torch.ones(n))
    torch.autograd.backward(embedded[:, 0].sum())
    assert rows.grad is not None
    assert torch.isfinite(rows.grad).all()


def test_a_single_row_is_normalised_by_the_running_statistics_and_leaves_them() -> None:
    module = projector()
    module(features(30))
    row, kept = features(1, seed=5), module.norm.running_mean.clone()
    trained = module(row)
    torch.testing.assert_close(module.norm.running_mean, kept)
    torch.testing.assert_close(trained, module.eval()(row))


def test_the_embedding_is_a_float32_unit_vector_under_autocast() -> None:
    module = projector()
    with torch.autocast("cpu", torch.bfloat16):
        embedded = module(features(30))
    assert embedded.dtype == torch.float32
    torch.testing.assert_close(embedded.norm(dim=1), torch.ones(30))


def test_a_zero_output_stays_zero_with_a_finite_gradient() -> None:
    module = projector()
    for parameter in module.output.parameters():
        torch.nn.init.zeros_(parameter)
    embedded = module(features(5))
    torch.autograd.backward(embedded.sum())
    assert not embedded.any()
    assert all(
        torch.isfinite(parameter.grad).all()
        for parameter in module.parameters()
        if parameter.grad is not None
    )


def test_one_painted_cell_is_read_back_at_its_place() -> None:
    """Row is y, column is x: the only place that reads the value is the painted cell's centre."""
    row, column = 5, 2
    painted = torch.zeros(1, 1, *GRID.shape)
    painted[0, 0, row, column] = 1.0
    centers = torch.from_numpy(GRID.cell_centers()).float().reshape(1, -1, 2)
    read = sample_bev(painted, centers, GRID).reshape(GRID.shape)
    assert GRID.cell_centers()[row, column].tolist() == [-5.5, 3.5]
    torch.testing.assert_close(read, painted[0, 0])
    off_center = torch.tensor([[[-5.5 + 0.25, 3.5 - 0.5]]])
    assert sample_bev(painted, off_center, GRID).item() == pytest.approx(0.75 * 0.5)


def test_a_linear_map_is_sampled_exactly_between_centres_at_any_cell_size() -> None:
    for grid in (GRID, GRID.coarsen_by(2)):
        xy = torch.from_numpy(grid.cell_centers())
        maps = torch.stack([2 * xy[..., 0] - 3 * xy[..., 1], xy[..., 0]])
        maps = torch.stack([maps, maps + 10.0])
        random = torch.Generator().manual_seed(0)
        points = torch.rand(2, 20, 2, generator=random, dtype=torch.float64)
        points = points * torch.tensor([10.0, 6.0]) + torch.tensor([-7.0, -1.0])
        for layout in (grid, GRID):
            sampled = sample_bev(maps, points, layout)
            x, y = points[..., 0], points[..., 1]
            expected = (
                torch.stack([2 * x - 3 * y, x], dim=-1) + torch.tensor([0.0, 10.0])[:, None, None]
            )
            torch.testing.assert_close(sampled, expected)


def test_points_off_the_map_get_the_edge_and_no_points_give_none() -> None:
    maps = torch.arange(12.0).expand(1, 1, 8, 12)
    far = torch.tensor([[[-100.0, 0.0], [100.0, 0.0], [-8.0, 50.0]]])
    assert sample_bev(maps, far, GRID).flatten().tolist() == [0.0, 11.0, 0.0]
    assert sample_bev(maps, far[:, :0], GRID).shape == (1, 0, 1)


def test_bf16_features_are_sampled_at_float32_places() -> None:
    maps = torch.arange(12.0).expand(1, 1, 8, 12).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        sampled = sample_bev(maps, torch.tensor([[[-7.5 + 3.03, 0.5]]]), GRID)
    assert sampled.dtype == torch.float32
    assert sampled.item() == pytest.approx(3.03, abs=1e-4)


def test_gradients_reach_the_map() -> None:
    maps = torch.zeros(1, 1, *GRID.shape, requires_grad=True)
    torch.autograd.backward(sample_bev(maps, torch.tensor([[[-5.5, 3.5]]]), GRID).sum())
    assert maps.grad is not None
    assert maps.grad[0, 0, 5, 2].item() == pytest.approx(1.0)
    assert maps.grad.sum().item() == pytest.approx(1.0)
