from __future__ import annotations

import math

import pytest
import torch

from calico.config.model import DetectionConfig
from calico.data.targets import TargetMaker
from calico.geometry.grid import Grid
from calico.losses.center import center_losses, gaussian_focal_loss
from calico.models.heads.center import TaskOutput
from calico.taxonomy import NUSCENES

GRID = Grid(-4.0, 4.0, -4.0, 4.0, 1.0)
CONFIG = DetectionConfig(tasks=(("car",), ("pedestrian", "bicycle")))


def losses_of(
    given: tuple[TaskOutput, ...], boxes: torch.Tensor, labels: list[int]
) -> dict[str, torch.Tensor]:
    maker = TargetMaker.from_config(CONFIG, GRID, NUSCENES)
    ids = torch.tensor(labels, dtype=torch.int64)
    return center_losses(given, maker.make_targets((boxes,), (ids,)), CONFIG)


def outputs(fill: float = 0.0) -> tuple[TaskOutput, ...]:
    widths = (2, 1, 3, 2, 2)
    return tuple(
        TaskOutput(
            torch.full((1, n, 8, 8), -2.0), *[torch.full((1, w, 8, 8), fill) for w in widths]
        )
        for n in (1, 2)
    )


def test_focal_loss_by_hand() -> None:
    logits, target = [0.3, -1.2, 2.0, -4.0], [1.0, 0.0, 0.6, 1.0]
    expected = 0.0
    for logit, goal in zip(logits, target, strict=True):
        p = 1 / (1 + math.exp(-logit))
        expected -= (
            (1 - p) ** 2 * math.log(p) if goal == 1 else (1 - goal) ** 4 * p**2 * math.log(1 - p)
        )
    assert gaussian_focal_loss(torch.tensor(logits), torch.tensor(target)).item() == pytest.approx(
        expected, rel=1e-5
    )


def test_focal_loss_is_finite_at_extreme_logits() -> None:
    logits = torch.tensor([200.0, -200.0, 200.0, -200.0], requires_grad=True)
    loss = gaussian_focal_loss(logits, torch.tensor([1.0, 1.0, 0.0, 0.0]))
    loss.backward()
    assert torch.isfinite(loss)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_box_terms_by_hand() -> None:
    """One car in the middle of a cell: with all maps at zero each term is the weighted sum of what
    it should be."""
    box = torch.tensor([[0.5, 1.25, -1.0, 4.0, 2.0, 1.5, 0.3, 3.0, -1.0]])
    losses = losses_of(outputs(), box, [0])
    weight = 0.25
    assert losses["offset"].item() == pytest.approx(weight * (0.5 + 0.25))
    assert losses["height"].item() == pytest.approx(weight * 1.0)
    assert losses["log_size"].item() == pytest.approx(weight * math.log(4 * 2 * 1.5))
    assert losses["yaw"].item() == pytest.approx(weight * (math.sin(0.3) + math.cos(0.3)))
    assert losses["velocity"].item() == pytest.approx(weight * 0.2 * 4.0)


def test_terms_are_averaged_over_the_objects_of_a_task() -> None:
    box = torch.tensor([[0.5, 1.5, -1.0, 4.0, 2.0, 1.5, 0.3, 3.0, -1.0]])
    one = losses_of(outputs(), box, [0])
    two = losses_of(outputs(), box.repeat(2, 1), [0, 0])
    other_task = losses_of(outputs(), box.repeat(2, 1), [0, 5])
    assert two["height"].item() == pytest.approx(one["height"].item())
    assert other_task["height"].item() == pytest.approx(2 * one["height"].item())


def test_unknown_velocities_count_nothing() -> None:
    box = torch.tensor([[0.5, 1.5, -1.0, 4.0, 2.0, 1.5, 0.3, float("nan"), float("nan")]])
    given = outputs()
    for task in given:
        task.velocity.requires_grad_()
    losses = losses_of(given, box, [0])
    assert losses["velocity"].item() == 0
    losses["velocity"].backward()
    assert given[0].velocity.grad is not None
    assert (given[0].velocity.grad == 0).all()


def test_a_frame_without_objects_only_pays_for_false_heat() -> None:
    losses = losses_of(outputs(), torch.zeros(0, 9), [])
    p = 1 / (1 + math.exp(2.0))
    assert losses["heatmap"].item() == pytest.approx(-3 * 64 * p**2 * math.log(1 - p), rel=1e-4)
    assert all(value.item() == 0 for name, value in losses.items() if name != "heatmap")
