"""The active sanity checks: a sound model passes, and every planted fault fails the check that is there for it."""

from __future__ import annotations

import copy
import importlib.util
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from calico.data.batch import collate_frames
from calico.data.source import FrameSource
from calico.frame import Frame
from calico_eval.attacks import AttackSpec, Threat, attack_frames, dead_gradients
from calico_eval.attacks.budget.saved import frame_sha256
from calico_eval.attacks.run import AttackedFrame
from calico_eval.attacks.sanity import TITLES, Sheet, active_checks
from calico_eval.attacks.sanity import single_frame as ladder_module
from calico_eval.attacks.sanity.checklist import compare_harm, worst_verdict
from calico_eval.attacks.sanity.detected_objects import found_objects
from calico_eval.attacks.sanity.gradients import (
    check_gradients_agree,
    check_gradients_arrive,
    measure_agreement,
)
from calico_eval.attacks.sanity.model import check_repeats, check_untouched, check_zero_budget
from calico_eval.attacks.sanity.planted_vulnerability import (
    check_planted_is_found,
    plant_vulnerability,
)
from calico_eval.attacks.sanity.single_frame import check_rising_strength, check_unbounded
from calico_eval.engines.network.objectives import OBJECTIVES, Scene
from calico_eval.engines.torch import TorchEngine
from reports.schema import SanityCheck

CAMERA = AttackSpec("pgd", Threat(camera_levels=8), steps=5)
LIDAR = AttackSpec("pgd", Threat(range_m=0.2), steps=5)
SHEET = Sheet("mini", "torch-cpu")
Faulty = Callable[[TorchEngine, str], TorchEngine]


@pytest.fixture(scope="module")
def faulty() -> Faulty:
    """planted_faults.faulty; the tests are no package."""
    spec = importlib.util.spec_from_file_location(
        "planted_faults", Path(__file__).parent / "planted_faults.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    result: Faulty = module.faulty
    return result


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


# --- S8: the estimate against a gradient taken entry by entry ---


@pytest.mark.parametrize("field", ["images", "points"])
@pytest.mark.parametrize("objective", ["det", "hide"])
def test_autograd_agrees_with_differences_along_random_directions(
    fused: TorchEngine, street_frame: Frame, field: str, objective: str
) -> None:
    assert measure_agreement(fused, street_frame, field, objective, 0) > 0.999


def test_autograd_agrees_with_differences_entry_by_entry(
    fused: TorchEngine, street_frame: Frame
) -> None:
    """An independent reference for one input: the twelve pixels of the largest gradients, moved one at a time, in float64."""
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


# --- planted faults ---


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
    check = check_gradients_arrive(SHEET, faulty(fused, fault), [street_frame], "det")
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
    check = check_gradients_agree(SHEET, faulty(fused, fault), [street_frame], "det", 0)
    assert check.verdict == "FAIL"
    other = {"images": "points", "points": "images"}[path]
    assert float(check.measured[f"{path}_cosine_median"] or 0) < 0.9
    assert float(check.measured[f"{other}_cosine_median"] or 0) > 0.99
    assert f"slope through {path}:" in check.message


def test_straight_through_rounding_passes_s7_so_that_only_s8_sees_it(
    fused: TorchEngine, street_frame: Frame, faulty: Faulty
) -> None:
    engine = faulty(fused, "images rounded, straight-through")
    assert check_gradients_arrive(SHEET, engine, [street_frame], "det").verdict == "PASS"


def test_random_answers_fail_s10_and_are_no_fault_of_the_attack(
    fused: TorchEngine, street_frame: Frame, faulty: Faulty
) -> None:
    engine = faulty(fused, "dropout")
    check = check_repeats(SHEET, engine, [street_frame])
    assert check.verdict == "FAIL"
    assert "dropout" in check.message
    assert float(check.measured["largest_logit_difference"] or 0) > 0.01
    assert check_zero_budget(SHEET, engine, [street_frame], repeats=False).verdict == "WARN"


def test_a_forward_pass_that_attacks_do_not_see_fails_s1(
    fused: TorchEngine, street_frame: Frame, faulty: Faulty
) -> None:
    check = check_zero_budget(SHEET, faulty(fused, "other forward"), [street_frame], repeats=True)
    assert check.verdict == "FAIL"
    assert float(check.measured["largest_logit_difference"] or 0) > 0.1


@pytest.mark.parametrize(
    ("fault", "spec", "verdict"),
    [
        ("images detached", CAMERA, "FAIL"),
        ("images rounded", CAMERA, "FAIL"),
        ("points detached", replace(LIDAR, straight_through=False), "FAIL"),
        ("images detached", replace(CAMERA, name="fgsm"), "WARN"),
    ],
)
def test_a_masked_gradient_does_not_find_the_planted_vulnerability(
    fused: TorchEngine,
    street_frame: Frame,
    faulty: Faulty,
    fault: str,
    spec: AttackSpec,
    verdict: str,
) -> None:
    check = check_planted_is_found(SHEET, faulty(fused, fault), [street_frame], [spec], 0)
    assert check.verdict == verdict, check
    assert f"{spec.sensor}_{spec.name}" in check.message


def test_the_plant_opens_at_its_trigger_and_not_at_other_noise(
    fused: TorchEngine, street_frame: Frame
) -> None:
    for spec in (CAMERA, LIDAR):
        planted = plant_vulnerability(fused, street_frame, spec, 0)
        clean = found_objects(fused, street_frame)
        assert clean.sum() >= 5
        assert np.array_equal(found_objects(planted.engine, street_frame), clean)
        assert not found_objects(planted.engine, planted.trigger, street_frame).any()
        assert found_objects(fused, planted.trigger, street_frame).any(), (
            "the model itself is not fooled by the trigger"
        )


def test_an_attack_that_goes_nowhere_fails_s3(
    fused: TorchEngine, street_frame: Frame, faulty: Faulty
) -> None:
    check = check_unbounded(SHEET, faulty(fused, "saturated"), [street_frame], 0)
    assert check.verdict == "FAIL"
    assert int(check.measured["objects_left"] or 0) >= 1


def test_what_an_unbounded_pgd_leaves_is_tried_again(
    fused: TorchEngine, street_frame: Frame, faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saturated logits leave PGD nothing to follow; the better of it and of APGD counts."""
    tried: list[tuple[str, int, int]] = []

    def spy(
        engine: TorchEngine, frames: list[Frame], spec: AttackSpec, seed: int
    ) -> list[AttackedFrame]:
        done = attack_frames(engine, frames, spec, seed)
        found = found_objects(saturated, street_frame)
        tried.append(
            (
                spec.name,
                spec.steps,
                int((found_objects(engine, done[0].frame, street_frame) & found).sum()),
            )
        )
        return done

    monkeypatch.setattr(ladder_module, "attack_frames", spy)
    monkeypatch.setattr(ladder_module, "UNBOUNDED_STEPS", 2)
    saturated = faulty(fused, "saturated")
    check = check_unbounded(SHEET, saturated, [street_frame], 0)
    assert [(name, steps) for name, steps, _ in tried] == [("pgd", 2), ("apgd_decay", 4)]
    assert check.measured["objects_left"] == min(left for *_, left in tried)


def test_a_changed_model_and_a_changed_frame_fail_s14(
    fused: TorchEngine, street_frame: Frame
) -> None:
    before, sha = [frame_sha256(street_frame)], fused.sha256
    assert check_untouched(SHEET, fused, [street_frame], before, sha).verdict == "PASS"
    moved = street_frame.replace(points=street_frame.points + np.float32(1e-3))
    assert check_untouched(SHEET, fused, [moved], before, sha).verdict == "FAIL"
    model = copy.deepcopy(fused.model)
    with torch.no_grad():
        model.lidar.norm.running_mean[0] += 1e-3  # what a forward pass in training mode does
    other = TorchEngine(model, fused.config, "cpu")
    check = check_untouched(SHEET, other, [street_frame], before, sha)
    assert check.verdict == "FAIL"
    assert check.measured["frames_mutated"] == 0


def test_the_ladder_finds_a_cut_branch_out_of_order(
    fused: TorchEngine, street_frame: Frame, faulty: Faulty
) -> None:
    """Without a gradient, PGD is no better than the noise that it starts from."""
    checks = check_rising_strength(
        SHEET, faulty(fused, "images detached"), street_frame, [CAMERA], 0
    )
    assert set(checks) == {"S2", "S4", "S5", "S12", "S16"}
    assert checks["S16"].verdict in (
        "FAIL",
        "WARN",
    )  # by how much noise and the random start harm, which is little
    assert checks["S5"].measured["camera_rise_fgsm"] == 0.0
    sound = attack_frames(fused, [street_frame], CAMERA, 0)[0].details
    assert sound.loss_attacked is not None
    assert sound.loss_clean is not None
    assert float(checks["S5"].measured["camera_rise_pgd"] or 0) < 0.2 * (
        sound.loss_attacked - sound.loss_clean
    )


# --- the sound model ---


def test_a_sound_model_passes(fused: TorchEngine, street: FrameSource) -> None:
    frames = [street[1], street[4]]
    specs = [CAMERA, replace(LIDAR, steps=20), replace(CAMERA, name="noise")]
    groups = active_checks(fused, frames, specs, 0, fused.sha256)
    checks = {check.id: check for make in groups.values() for check in make()}
    assert set(checks) == set(TITLES) - {"S6", "S9", "S11"}
    for check in checks.values():
        assert check.verdict == "PASS" or (
            check.id in ("S12", "S16") and check.verdict == "WARN"
        ), check
        assert check.title == TITLES[check.id]
        assert check.message
        assert check.measured
    assert checks["S3"].measured["share_hidden"] == 1.0
    rises = [
        checks["S15"].measured[f"lidar_rise_with_{name}"]
        for name in ("straight_through", "the_true_gradient")
    ]
    assert float(rises[0] or 0) > float(rises[1] or 0)


def test_the_checks_repeat_and_leave_the_model_as_it_was(
    fused: TorchEngine, street_frame: Frame
) -> None:
    def made() -> list[SanityCheck]:
        return [
            check_gradients_agree(SHEET, fused, [street_frame], "det", 3),
            check_planted_is_found(SHEET, fused, [street_frame], [CAMERA], 3),
        ]

    before = TorchEngine(fused.model, fused.config, "cpu").sha256
    assert made() == made()
    assert TorchEngine(fused.model, fused.config, "cpu").sha256 == before


def test_a_model_of_one_sensor_is_checked_on_it(
    camera_only: TorchEngine, street_frame: Frame
) -> None:
    assert check_zero_budget(SHEET, camera_only, [street_frame], repeats=True).verdict == "PASS"
    check = check_gradients_agree(SHEET, camera_only, [street_frame], "det", 0)
    assert check.verdict == "PASS"
    assert "points_cosine_median" not in check.measured
    assert check_gradients_arrive(SHEET, camera_only, [street_frame], "det").verdict == "PASS"


def test_nothing_found_when_clean_is_not_run(fused: TorchEngine, street_frame: Frame) -> None:
    empty = street_frame.replace(
        boxes=street_frame.boxes.select(np.zeros(len(street_frame.boxes.labels), bool))
    )
    for check in (
        check_unbounded(SHEET, fused, [empty], 0),
        check_planted_is_found(SHEET, fused, [empty], [CAMERA], 0),
    ):
        assert check.verdict == "NOT RUN"
        assert "no object" in check.message


# --- verdicts ---


@pytest.mark.parametrize(
    ("strong", "weak", "verdict"),
    [
        (1.0, 1.0, "PASS"),
        (0.9, 1.0, "PASS"),
        (0.89, 1.0, "WARN"),
        (0.5, 1.0, "WARN"),
        (0.49, 1.0, "FAIL"),
        (0.0, -1.0, "PASS"),
    ],
)
def test_one_frame_fails_only_by_a_factor_of_two(strong: float, weak: float, verdict: str) -> None:
    assert compare_harm(strong, weak) == verdict


def test_the_worst_verdict_and_numbers_that_json_can_hold() -> None:
    assert worst_verdict(["PASS", "NOT RUN"]) == "PASS"
    assert worst_verdict(["PASS", "FAIL", "WARN"]) == "FAIL"
    assert worst_verdict([]) == "NOT RUN"
    assert SHEET.check("S1", "PASS", "m", a=math.nan, b=math.inf, c=2).measured == {
        "a": None,
        "b": None,
        "c": 2,
    }
