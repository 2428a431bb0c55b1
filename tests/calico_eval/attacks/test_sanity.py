"""Gradients arrive (S7) and are right (S8)."""

import copy
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from calico.data.batch import Batch, collate
from calico.frame import Frame
from calico_eval.attacks import dead_gradients
from calico_eval.attacks.forward import white_box
from calico_eval.attacks.objectives import OBJECTIVES, Scene
from calico_eval.engines.torch import TorchEngine


def test_every_view_and_the_points_feel_the_loss(fused: TorchEngine, street_frame: Frame) -> None:
    check = dead_gradients(fused, street_frame)
    assert check.dead == ()
    assert check.bad == 0
    assert len(check.view_share) == 6
    assert min(check.view_share) > 0.9
    assert check.point_share is not None
    on_grid = (np.abs(street_frame.points[:, :2]) < 16).all(axis=1).mean()
    assert 0.5 * on_grid < check.point_share <= on_grid


def test_a_severed_branch_is_found(fused: TorchEngine, street_frame: Frame) -> None:
    model = copy.deepcopy(fused.model)
    with torch.no_grad():
        model.lift.context.weight.zero_()
        model.lift.context.bias.zero_()
    blind = TorchEngine(model, fused.config, "cpu")
    check = dead_gradients(blind, street_frame)
    assert check.dead == tuple(f"view {view}" for view in range(6))
    assert check.view_share == (0.0,) * 6
    assert check.point_share is not None
    assert check.point_share > 0


def test_a_single_view_that_sees_no_cell_is_found(fused: TorchEngine, street_frame: Frame) -> None:
    turned = street_frame.camera_T_lidar.copy()
    turned[2] = np.diag([1.0, 1.0, 1.0, 1.0])  # looks straight up: its optical axis is the LiDAR's z
    check = dead_gradients(fused, street_frame.replace(camera_T_lidar=turned))
    assert check.dead == ("view 2",)


def test_points_off_the_grid_are_dead(fused: TorchEngine, street_frame: Frame) -> None:
    points = street_frame.points.copy()
    points[:, 0] += 500
    check = dead_gradients(fused, street_frame.replace(points=points))
    assert check.dead == ("points",)


def test_one_sensor_models_report_their_own_sensor(camera_only: TorchEngine, street_frame: Frame) -> None:
    check = dead_gradients(camera_only, street_frame)
    assert check.point_share is None
    assert len(check.view_share) == 6
    assert check.dead == ()


@pytest.mark.parametrize("field", ["images", "points"])
@pytest.mark.parametrize("objective", ["det", "hide"])
def test_finite_differences_agree_with_autograd(
    fused: TorchEngine, street_frame: Frame, field: str, objective: str
) -> None:
    """Central differences in float64 on the entries with the largest gradients and on random ones (S8: cosine >= 0.9)."""
    model = copy.deepcopy(fused.model).double()
    batch = _double(collate([street_frame]))

    def loss(values: Tensor) -> Tensor:
        changed = replace(batch, **{field: values})  # type: ignore[arg-type]
        return OBJECTIVES[objective].loss(Scene(model, changed), model(changed)).sum()

    values: Tensor = getattr(batch, field)
    with white_box(TorchEngine(model, fused.config, "cpu")):
        inputs = values.clone().requires_grad_(True)
        (gradient,) = torch.autograd.grad(loss(inputs), inputs)
        flat = gradient.flatten()
        free = torch.arange(len(flat)).reshape(values.shape)[_smooth(values)].flatten()
        strongest = free[flat[free].abs().topk(20).indices]
        anywhere = free[torch.randperm(len(free), generator=torch.Generator().manual_seed(0))[:20]]
        chosen = torch.cat([strongest, anywhere])
        numeric = torch.stack([_central_difference(loss, values, int(index)) for index in chosen])
    cosine = torch.nn.functional.cosine_similarity(flat[chosen], numeric, dim=0)
    assert flat[strongest].abs().min() > 0
    assert cosine > 0.99


def _smooth(values: Tensor) -> tuple[Tensor, slice] | slice:
    """All pixels; of the points, x, y, z of those that are not on the border of a pillar (the street has some exactly there)."""
    if values.ndim == 5:
        return slice(None)
    fraction = values[..., :2] % 1.0
    inner = ((fraction > 1e-3) & (fraction < 1 - 1e-3)).all(dim=-1)
    return inner, slice(0, 3)


def _central_difference(loss: object, values: Tensor, index: int, h: float = 1e-6) -> Tensor:
    results = []
    for sign in (1.0, -1.0):
        moved = values.clone().flatten()
        moved[index] += sign * h
        with torch.no_grad():
            results.append(loss(moved.reshape(values.shape)))  # type: ignore[operator]
    difference: Tensor = (results[0] - results[1]) / (2 * h)
    return difference


def _double(batch: Batch) -> Batch:
    changes: dict[str, object] = {"boxes": tuple(boxes.double() for boxes in batch.boxes)}
    for item in fields(batch):
        value = getattr(batch, item.name)
        if isinstance(value, Tensor) and value.dtype == torch.float32:
            changes[item.name] = value.double()
    return replace(batch, **changes)  # type: ignore[arg-type]
