"""S7 and S8: gradients arrive everywhere and agree with finite differences."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from calico.data.batch import collate_frames
from calico.frame import Frame
from calico_eval.attacks import dead_gradients
from calico_eval.attacks.sanity import Checklist
from calico_eval.attacks.sanity.gradients import (
    check_gradients_agree,
    check_gradients_arrive,
    measure_agreement,
)
from calico_eval.engines.network.objectives import OBJECTIVES, Scene
from calico_eval.engines.torch import TorchEngine

CHECKLIST = Checklist("mini", "torch-cpu")


Faulty = Callable[[TorchEngine, str], TorchEngine]


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
    turned[2] = np.diag(
        [1.0, 1.0, 1.0, 1.0]
    )  # looks straight up: its optical axis is the LiDAR's z
    check = dead_gradients(fused, street_frame.replace(camera_T_lidar=turned))
    assert check.dead == ("view 2",)


def test_points_off_the_grid_are_dead(fused: TorchEngine, street_frame: Frame) -> None:
    points = street_frame.points.copy()
    points[:, 0] += 500
    check = dead_gradients(fused, street_frame.replace(points=points))
    assert check.dead == ("points",)


def test_one_sensor_models_report_their_own_sensor(
    camera_only: TorchEngine, street_frame: Frame
) -> None:
    check = dead_gradients(camera_only, street_frame)
    assert check.point_share is None
    assert len(check.view_share) == 6
    assert check.dead == ()


@pytest.mark.parametrize("field", ["images", "points"])
@pytest.mark.parametrize("objective", ["det", "hide"])
def test_autograd_agrees_with_differences_along_random_directions(
    fused: TorchEngine, street_frame: Frame, field: str, objective: str
) -> None:
    assert measure_agreement(fused, street_frame, field, objective, 0) > 0.999


def test_autograd_agrees_with_differences_entry_by_entry(
    fused: TorchEngine, street_frame: Frame
) -> None:
    """An independent reference for one input: the twelve pixels of the largest gradients, moved one
    at a time, in float64."""
    model = copy.deepcopy(fused.model).double().eval()
    batch = collate_frames([street_frame])
    changes = {
        name: getattr(batch, name).double() for name in ("points", "image_from_lidar", "map_masks")
    }
    batch = replace(batch, boxes=tuple(b.double() for b in batch.boxes), **changes)

    def loss(images: torch.Tensor) -> torch.Tensor:
        changed = replace(batch, images=images)
        return OBJECTIVES["hide"].loss(Scene(model, changed), model(changed)).sum()

    images = batch.images.double().requires_grad_(True)
    (gradient,) = torch.autograd.grad(loss(images), images)
    chosen = gradient.flatten().abs().topk(12).indices
    slopes = []
    for index in chosen:
        ends = []
        for sign in (1, -1):
            moved = images.detach().clone().flatten()
            moved[index] += sign * 1e-6
            ends.append(float(loss(moved.reshape(images.shape)).detach()))
        slopes.append((ends[0] - ends[1]) / 2e-6)
    assert np.allclose(slopes, gradient.flatten()[chosen].numpy(), rtol=1e-4)


@pytest.mark.parametrize(
    ("fault", "dead"),
    [
        ("images detached", [*(f"view {v}" for v in range(6))]),
        ("images rounded", [*(f"view {v}" for v in range(6))]),
        ("points detached", ["points"]),
        ("saturated", ["objects"]),
    ],
)
def test_a_gradient_that_does_not_arrive_fails_s7(
    fused: TorchEngine, street_frame: Frame, faulty: Faulty, fault: str, dead: list[str]
) -> None:
    check = check_gradients_arrive(CHECKLIST, faulty(fused, fault), [street_frame], "det")
    assert check.verdict == "FAIL"
    for name in dead:
        assert name in check.message


@pytest.mark.parametrize(
    ("fault", "path"),
    [
        ("images detached", "images"),
        ("images rounded", "images"),
        ("images rounded, straight-through", "images"),
        ("points detached", "points"),
        ("points rounded", "points"),
        ("points rounded, straight-through", "points"),
    ],
)
def test_a_gradient_of_another_function_fails_s8_on_its_own_path_only(
    fused: TorchEngine, street_frame: Frame, faulty: Faulty, fault: str, path: str
) -> None:
    check = check_gradients_agree(CHECKLIST, faulty(fused, fault), [street_frame], "det", 0)
    assert check.verdict == "FAIL"
    other = {"images": "points", "points": "images"}[path]
    assert float(check.measured[f"{path}_cosine_median"] or 0) < 0.9
    assert float(check.measured[f"{other}_cosine_median"] or 0) > 0.99
    assert f"slope through {path}:" in check.message


def test_straight_through_rounding_passes_s7_so_that_only_s8_sees_it(
    fused: TorchEngine, street_frame: Frame, faulty: Faulty
) -> None:
    engine = faulty(fused, "images rounded, straight-through")
    assert check_gradients_arrive(CHECKLIST, engine, [street_frame], "det").verdict == "PASS"
