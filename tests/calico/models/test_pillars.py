from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from calico.export.pillars import PillarBudget, group_points
from calico.geometry.grid import Grid
from calico.models.pillars import PillarEncoder

GRID = Grid(-4.0, 4.0, -2.0, 2.0, 1.0)
Z_RANGE = (-3.0, 1.0)


@pytest.fixture
def encoder() -> PillarEncoder:
    torch.manual_seed(0)
    encoder = PillarEncoder(GRID, Z_RANGE, channels=6, stride=2)
    encoder.norm.running_mean.uniform_(-1, 1)
    encoder.norm.running_var.uniform_(0.5, 2)
    torch.nn.init.constant_(encoder.norm.bias, 2.0)
    return encoder.eval()


@pytest.fixture
def cloud() -> tuple[Tensor, Tensor]:
    """Two frames of 60 points, some off the grid in each axis, some masked."""
    generator = torch.Generator().manual_seed(1)
    low, size = torch.tensor([-5.0, -3.0, -4.0, 0.0, 0.0]), torch.tensor([10.0, 6.0, 6.0, 1.0, 0.5])
    points = torch.rand(2, 60, 5, generator=generator) * size + low
    return points, torch.rand(2, 60, generator=generator) < 0.8


def by_loop(encoder: PillarEncoder, points: Tensor, mask: Tensor) -> np.ndarray:
    """The definition, point by point: one frame (N, 5) -> (C, Y, X)."""
    weight, norm = encoder.linear.weight.detach().numpy(), encoder.norm
    scale = (norm.weight / torch.sqrt(norm.running_var + norm.eps)).detach().numpy()
    shift = norm.bias.detach().numpy() - norm.running_mean.numpy() * scale
    pillars: dict[tuple[int, int], list[np.ndarray]] = {}
    for point, valid in zip(points.numpy(), mask.numpy(), strict=True):
        ix, iy = int(np.floor(point[0] + 4)), int(np.floor(point[1] + 2))
        if valid and 0 <= ix < 8 and 0 <= iy < 4 and -3 <= point[2] < 1:
            pillars.setdefault((iy, ix), []).append(point)
    canvas = np.zeros((6, 4, 8))
    for (iy, ix), members in pillars.items():
        mean = np.mean(members, axis=0)[:3]
        center = np.array([ix - 4 + 0.5, iy - 2 + 0.5])
        rows = [
            np.concatenate([p, p[:3] - mean, p[:2] - center]) @ weight.T * scale + shift
            for p in members
        ]
        canvas[:, iy, ix] = np.maximum(np.max(rows, axis=0), 0)
    return canvas


def test_canvas_equals_the_definition_point_by_point(
    encoder: PillarEncoder, cloud: tuple[Tensor, Tensor]
) -> None:
    points, mask = cloud
    canvas = encoder.canvas(points, mask).detach().numpy()
    for index in range(2):
        expected = by_loop(encoder, points[index], mask[index])
        assert (expected != 0).sum() > 50
        np.testing.assert_allclose(canvas[index], expected, atol=1e-5)


def test_the_grid_holds_its_lower_borders_and_not_its_upper_ones(encoder: PillarEncoder) -> None:
    inside = [[-4.0, -2.0, -3.0], [3.999, 1.999, 0.999]]
    outside = [
        [4.0, 0, 0],
        [0, 2.0, 0],
        [0, 0, 1.0],
        [-4.001, 0, 0],
        [0, -2.001, 0],
        [0, 0, -3.001],
    ]
    xyz = torch.tensor([inside + outside])
    points = torch.cat([xyz, torch.zeros(1, 8, 2)], dim=2)
    mask = torch.ones(1, 8, dtype=torch.bool)
    assert encoder.cells(points, mask)[0].tolist() == [0, 31] + [32] * 6
    assert encoder.cells(points, ~mask)[0].tolist() == [32] * 8


def test_order_and_padding_do_not_matter(
    encoder: PillarEncoder, cloud: tuple[Tensor, Tensor]
) -> None:
    points, mask = cloud
    order = torch.randperm(60, generator=torch.Generator().manual_seed(2))
    ghosts = torch.full((2, 7, 5), 0.5)
    shuffled = torch.cat([ghosts, points[:, order]], dim=1)
    shuffled_mask = torch.cat([torch.zeros(2, 7, dtype=torch.bool), mask[:, order]], dim=1)
    torch.testing.assert_close(
        encoder(shuffled, shuffled_mask), encoder(points, mask), atol=1e-5, rtol=1e-5
    )


def test_batch_norm_in_training_sees_only_real_points(
    encoder: PillarEncoder, cloud: tuple[Tensor, Tensor]
) -> None:
    points, mask = cloud
    encoder.train()
    before = encoder.norm.running_mean.clone()
    encoder(points, mask)
    first = encoder.norm.running_mean.clone()
    encoder.norm.running_mean.copy_(before)
    encoder(
        torch.cat([points, torch.full((2, 500, 5), 9e3)], 1),
        torch.cat([mask, torch.zeros(2, 500, dtype=torch.bool)], 1),
    )
    assert not torch.equal(first, before)
    torch.testing.assert_close(encoder.norm.running_mean, first)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("real", [0, 1])
def test_a_cloud_of_no_or_one_point_works(
    encoder: PillarEncoder, training: bool, real: int
) -> None:
    encoder.train(training)
    mask = torch.zeros(1, 3, dtype=torch.bool)
    mask[0, :real] = True
    canvas = encoder.canvas(torch.zeros(1, 3, 5), mask)
    assert torch.isfinite(canvas).all()
    if real == 0:
        assert (canvas == 0).all()


def test_gradient_reaches_the_points_and_agrees_with_differences(
    encoder: PillarEncoder, cloud: tuple[Tensor, Tensor]
) -> None:
    points, mask = cloud[0].double(), cloud[1]
    encoder = encoder.double()
    weight = torch.randn(
        encoder.canvas(points, mask).shape,
        generator=torch.Generator().manual_seed(3),
        dtype=torch.double,
    )
    points.requires_grad_()
    (gradient,) = torch.autograd.grad((encoder.canvas(points, mask) * weight).sum(), points)
    assert (gradient[mask].abs().sum(-1) > 0).float().mean() > 0.3
    assert (gradient[~mask] == 0).all()
    frame, slot = (gradient[..., 0].abs() == gradient[..., 0].abs().max()).nonzero()[0].tolist()
    for axis in range(5):
        step = torch.zeros_like(points)
        step[frame, slot, axis] = 1e-6
        with torch.no_grad():
            up, down = encoder.canvas(points + step, mask), encoder.canvas(points - step, mask)
        numeric = ((up - down) * weight).sum() / 2e-6
        assert gradient[frame, slot, axis].item() == pytest.approx(
            numeric.item(), rel=1e-4, abs=1e-6
        )


@pytest.mark.parametrize("width", [1, 3, 64])
def test_rows_of_grouped_points_give_the_same_features(
    encoder: PillarEncoder, cloud: tuple[Tensor, Tensor], width: int
) -> None:
    points, mask = cloud
    grouped = group_points(points.numpy(), mask.numpy(), GRID, Z_RANGE, PillarBudget(80, width))
    assert grouped.lost.tolist() == [0, 0]
    tensors = [
        torch.from_numpy(array)
        for array in (grouped.points, grouped.count, grouped.cell, grouped.mean)
    ]
    torch.testing.assert_close(
        encoder.from_rows(*tensors), encoder(points, mask), atol=1e-5, rtol=1e-5
    )
