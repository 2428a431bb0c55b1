"""The gradient of membership: nothing forward, the bilinear splat's slope backward, and it makes the attack stronger."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from calico.data.batch import collate
from calico.data.source import FrameSource
from calico.frame import Frame
from calico.models.pillars import PillarEncoder
from calico_eval.attacks import AttackSpec, Threat, attack_frames
from calico_eval.attacks.forward import AttackForward
from calico_eval.attacks.straight_through import membership
from calico_eval.engines.torch import TorchEngine


@pytest.fixture
def encoder(fused: TorchEngine) -> PillarEncoder:
    """The trained pillar encoder in float64: 32 x 32 pillars of 1 m about the origin."""
    assert fused.model.lidar is not None
    return copy.deepcopy(fused.model.lidar).double().eval().requires_grad_(False)


@pytest.fixture
def cloud() -> tuple[Tensor, Tensor]:
    """Two frames of 50 points, in the middle of the grid, at its border, off it, above it and masked; none on a half metre, where
    the splat has a kink."""
    generator = torch.Generator().manual_seed(0)
    points = torch.rand((2, 50, 5), generator=generator, dtype=torch.float64)
    points[..., :2] = 32 * points[..., :2] - 16
    points[..., 2] -= 1.5
    points[0, :4, :2] = torch.tensor([[-15.9, 3.3], [15.8, -15.7], [16.2, 0.1], [-40.3, 99.2]])
    points[0, 4, 2] = 50.0
    half = points[..., :2] - 0.5
    points[..., :2] += torch.where((half - half.round()).abs() < 1e-3, 0.01, 0.0)
    mask = torch.ones(2, 50, dtype=torch.bool)
    mask[1, 40:] = False
    return points, mask


def splat(features: Tensor, xy: Tensor) -> Tensor:
    """(C, 32, 32): one point's features shared among the four pillars about it, by how much of a 1 m square about the point
    lies in each; written for one point, from areas."""
    canvas = torch.zeros(len(features), 32, 32, dtype=torch.float64)
    first = int(xy[1] + 16 - 0.5) - 1, int(xy[0] + 16 - 0.5) - 1
    for row in range(max(first[0], 0), min(first[0] + 4, 32)):
        for column in range(max(first[1], 0), min(first[1] + 4, 32)):
            left, low = column - 16.0, row - 16.0
            width = min(float(xy[0]) + 0.5, left + 1) - max(float(xy[0]) - 0.5, left)
            height = min(float(xy[1]) + 0.5, low + 1) - max(float(xy[1]) - 0.5, low)
            if width > 0 and height > 0:
                canvas[:, row, column] = features * width * height
    return canvas


def test_forward_it_is_zero_everywhere(encoder: PillarEncoder, cloud: tuple[Tensor, Tensor]) -> None:
    term = membership(encoder, *cloud)
    assert term.shape == (2, encoder.channels, 32, 32)
    assert not term.any()


def test_the_gradient_is_the_slope_of_the_bilinear_splat(encoder: PillarEncoder, cloud: tuple[Tensor, Tensor]) -> None:
    points, mask = cloud
    weights = torch.randn(
        (2, encoder.channels, 32, 32), generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )
    moving = points.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad((membership(encoder, moving, mask) * weights).sum(), moving)
    assert not gradient[..., 2:].any()
    features = encoder.point_features(points, mask)
    h, compared = 1e-5, 0
    for frame in range(2):
        for index in range(50):
            x, y, z = points[frame, index, :3].tolist()
            if not bool(mask[frame, index]) or max(abs(x), abs(y)) >= 16 or z > 10:
                assert not gradient[frame, index].any(), "points of no pillar have no membership to lose"
                continue
            for axis in range(2):
                ends = []
                for sign in (1.0, -1.0):
                    moved = points[frame, index, :2].clone()
                    moved[axis] += sign * h
                    ends.append((splat(features[frame, index], moved) * weights[frame]).sum())
                assert float(gradient[frame, index, axis]) == pytest.approx(
                    float(ends[0] - ends[1]) / (2 * h), abs=1e-7
                )
                compared += 1
    assert compared == 2 * (50 - 3 + 40)
    assert (gradient[..., :2] != 0).sum() > 100


def test_outputs_are_the_same_bytes_with_and_without(fused: TorchEngine, street_frame: Frame) -> None:
    batch = collate([street_frame])
    with torch.no_grad():
        plain, through = (
            AttackForward(fused.model, batch, ("lidar",), straight_through=on)(batch) for on in (False, True)
        )
        expected = fused.model(batch)
    for one, other, model in zip(plain.tasks, through.tasks, expected.tasks, strict=True):
        assert one.heatmap.numpy().tobytes() == other.heatmap.numpy().tobytes() == model.heatmap.numpy().tobytes()
    assert plain.bev.numpy().tobytes() == through.bev.numpy().tobytes()


@pytest.mark.parametrize("seed", [0, 1])
def test_it_makes_the_lidar_attack_stronger(fused: TorchEngine, street: FrameSource, seed: int) -> None:
    """At 0.2 m of 1 m pillars; measured with seeds 0, 1, 2: 12.3, 12.4, 12.5 against 10.3, 10.7, 10.7 (mean of 6 frames)."""
    frames = [street[index] for index in range(6)]
    spec = AttackSpec("pgd", Threat(range_m=0.2), steps=10)
    through, blind = (
        np.array([one.details.loss_attacked for one in attack_frames(fused, frames, how, seed)], float)
        for how in (spec, replace(spec, straight_through=False))
    )
    assert through.mean() > blind.mean() + 1.0
    assert (through > blind).sum() >= 5
