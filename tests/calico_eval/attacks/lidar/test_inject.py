"""Optimised returns: on rays, one each, near surfaces where they should be, and better than
chance."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from calico.frame import Frame
from calico.geometry.boxes import points_in_boxes
from calico_eval.attacks import AttackSpec, Threat, attack_frame
from calico_eval.attacks.lidar.cloud_loss import CloudLoss
from calico_eval.attacks.lidar.inject import ATTACH_M, OBJECT_MARGIN_M, near_surface
from calico_eval.attacks.lidar.rays import rays_of
from calico_eval.engines.torch import TorchEngine

THREAT = Threat(points_added=40, points_removed=40)
SPEC = AttackSpec("inject", THREAT, steps=5)


def added(clean: Frame, after: Frame) -> np.ndarray:
    """(K, 5) rows that only the attacked frame has."""
    before = {row.tobytes() for row in clean.points}
    return np.array([row for row in after.points if row.tobytes() not in before]).reshape(-1, 5)


@pytest.mark.parametrize("objective", ["hide", "create"])
def test_injection_hurts_more_than_random_points(
    fused: TorchEngine, street_frame: Frame, objective: str
) -> None:
    result = attack_frame(fused, street_frame, replace(SPEC, objective=objective), 0)
    details = result.details
    assert details.objective == objective
    assert details.loss_clean is not None
    assert details.loss_attacked is not None
    assert details.loss_attacked > details.loss_clean
    assert details.loss_attacked == pytest.approx(max(details.losses), abs=1e-3)
    assert 0 < result.budget.points_added <= 40
    loss = CloudLoss(fused, street_frame, SPEC, objective)
    for seed in range(5):
        control = attack_frame(fused, street_frame, AttackSpec("inject_random", THREAT), seed).frame
        assert loss.delivered(control) < details.loss_attacked


def test_no_return_is_added_where_none_may_be(fused: TorchEngine, street_frame: Frame) -> None:
    result = attack_frame(fused, street_frame, replace(SPEC, threat=Threat(points_removed=5)), 0)
    assert result.budget.points_added == result.budget.points_removed == 0
    assert "nothing was changed" in result.details.note


def test_injected_returns_are_on_the_sensors_rays(fused: TorchEngine, street_frame: Frame) -> None:
    result = attack_frame(
        fused, street_frame, replace(SPEC, threat=replace(THREAT, window_deg=30.0, r_min_m=3.0)), 0
    )
    new = added(street_frame, result.frame).astype(np.float64)
    rays = rays_of(street_frame)
    ranges = np.linalg.norm(new[:, :3], axis=1)
    cosine = (new[:, :3] / ranges[:, None]) @ rays.direction.T
    nearest = cosine.argmax(axis=1)
    off = np.linalg.norm(new[:, :3] / ranges[:, None] - rays.direction[nearest], axis=1)
    assert off.max() < 1e-6
    assert len(np.unique(nearest)) == len(new) > 0
    assert ranges.min() >= 3.0
    assert ranges.max() <= rays.reach_m
    assert result.budget.window_deg <= 30.0
    after = {row.tobytes() for row in result.frame.points}
    for row, ray in enumerate(rays.ray_of_row):
        assert (street_frame.points[row].tobytes() in after) == (ray not in nearest)


def test_without_a_budget_of_removed_points_only_free_rays_are_used(
    fused: TorchEngine, street_frame: Frame
) -> None:
    result = attack_frame(fused, street_frame, replace(SPEC, threat=Threat(points_added=20)), 0)
    assert result.budget.points_removed == 0
    assert 0 < result.budget.points_added <= 20


def test_attached_points_are_near_returns_of_objects(
    fused: TorchEngine, street_frame: Frame
) -> None:
    result = attack_frame(fused, street_frame, replace(SPEC, name="attach"), 0)
    new = added(street_frame, result.frame)
    inside = points_in_boxes(street_frame.points, street_frame.boxes.boxes, OBJECT_MARGIN_M).any(
        axis=0
    )
    surface = street_frame.points[inside, :3].astype(np.float64)
    distance = np.linalg.norm(new[:, None, :3].astype(np.float64) - surface[None], axis=2).min(
        axis=1
    )
    assert 0 < len(new) <= 40
    assert distance.max() <= ATTACH_M + 1e-5
    assert result.details.loss_attacked is not None
    assert result.details.loss_clean is not None
    assert result.details.loss_attacked > result.details.loss_clean
    nothing = attack_frame(
        fused,
        street_frame.replace(boxes=type(street_frame.boxes).empty()),
        replace(SPEC, name="attach"),
        0,
    )
    assert nothing.budget.points_added == 0
    assert "nothing was changed" in nothing.details.note


def test_the_part_of_a_ray_near_a_surface_point(flat: Frame) -> None:
    rays = rays_of(flat)
    point = rays.direction[1000] * 9.0
    found = near_surface(rays, point[None], 1.0)
    assert 1000 in found.ray
    own = int(np.flatnonzero(found.ray == 1000)[0])
    assert found.low[own] == pytest.approx(9.0 - ATTACH_M)
    assert found.high[own] == pytest.approx(9.0 + ATTACH_M)
    for ends in (found.low, found.high):
        off = np.linalg.norm(rays.direction[found.ray] * ends[:, None] - point, axis=1)
        assert off == pytest.approx(ATTACH_M)
    away = np.sqrt(81 - 81 * (rays.direction @ rays.direction[1000]) ** 2)
    assert (
        len(found.ray)
        == ((away < ATTACH_M) & (rays.direction @ rays.direction[1000] > 0)).sum()
        > 1
    )


def test_the_gain_of_gaps_in_the_grid(
    fused: TorchEngine, street_frame: Frame, make_flat: Callable[..., Frame]
) -> None:
    """A cloud of a few points still has rays to use; the random control uses all of its budget."""
    few = street_frame.take_points(np.arange(len(street_frame.points)) % 40 == 0)
    assert attack_frame(fused, few, replace(SPEC, steps=2), 0).budget.points_added > 0
    control = attack_frame(fused, street_frame, AttackSpec("inject_random", THREAT), 0)
    assert control.budget.points_added == 40


def test_the_seed_decides(fused: TorchEngine, street_frame: Frame) -> None:
    spec = replace(SPEC, steps=2)
    one, same, other = (attack_frame(fused, street_frame, spec, seed).frame for seed in (0, 0, 1))
    assert one.points.tobytes() == same.points.tobytes()
    assert one.points.tobytes() != other.points.tobytes()
