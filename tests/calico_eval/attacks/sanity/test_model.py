"""S1, S10 and S14: a zero budget changes nothing, answers repeat, the model is left as it was."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import torch

from calico.frame import Frame
from calico_eval.attacks.budget.saved import frame_sha256
from calico_eval.attacks.sanity import Checklist
from calico_eval.attacks.sanity.gradients import (
    check_gradients_agree,
    check_gradients_arrive,
)
from calico_eval.attacks.sanity.model import check_repeats, check_untouched, check_zero_budget
from calico_eval.engines.torch import TorchEngine

CHECKLIST = Checklist("mini", "torch-cpu")


Faulty = Callable[[TorchEngine, str], TorchEngine]


def test_random_answers_fail_s10_and_are_no_fault_of_the_attack(
    fused: TorchEngine, street_frame: Frame, faulty: Faulty
) -> None:
    engine = faulty(fused, "dropout")
    check = check_repeats(CHECKLIST, engine, [street_frame])
    assert check.verdict == "FAIL"
    assert "dropout" in check.message
    assert float(check.measured["largest_logit_difference"] or 0) > 0.01
    assert check_zero_budget(CHECKLIST, engine, [street_frame], repeats=False).verdict == "WARN"


def test_a_forward_pass_that_attacks_do_not_see_fails_s1(
    fused: TorchEngine, street_frame: Frame, faulty: Faulty
) -> None:
    check = check_zero_budget(
        CHECKLIST, faulty(fused, "other forward"), [street_frame], repeats=True
    )
    assert check.verdict == "FAIL"
    assert float(check.measured["largest_logit_difference"] or 0) > 0.1


def test_a_changed_model_and_a_changed_frame_fail_s14(
    fused: TorchEngine, street_frame: Frame
) -> None:
    before, sha = [frame_sha256(street_frame)], fused.sha256
    assert check_untouched(CHECKLIST, fused, [street_frame], before, sha).verdict == "PASS"
    moved = street_frame.replace(points=street_frame.points + np.float32(1e-3))
    assert check_untouched(CHECKLIST, fused, [moved], before, sha).verdict == "FAIL"
    model = copy.deepcopy(fused.model)
    with torch.no_grad():
        model.lidar.norm.running_mean[0] += 1e-3  # what a forward pass in training mode does
    other = TorchEngine(model, fused.config, "cpu")
    check = check_untouched(CHECKLIST, other, [street_frame], before, sha)
    assert check.verdict == "FAIL"
    assert check.measured["frames_mutated"] == 0


def test_a_model_of_one_sensor_is_checked_on_it(
    camera_only: TorchEngine, street_frame: Frame
) -> None:
    assert check_zero_budget(CHECKLIST, camera_only, [street_frame], repeats=True).verdict == "PASS"
    check = check_gradients_agree(CHECKLIST, camera_only, [street_frame], "det", 0)
    assert check.verdict == "PASS"
    assert "points_cosine_median" not in check.measured
    assert check_gradients_arrive(CHECKLIST, camera_only, [street_frame], "det").verdict == "PASS"
