"""Checks of one frame: attacks without a bound, and attacks of rising strength."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from calico.frame import Frame
from calico_eval.attacks import AttackSpec, Threat, attack_frames
from calico_eval.attacks.run import AttackedFrame
from calico_eval.attacks.sanity import Checklist, single_frame
from calico_eval.attacks.sanity.detected_objects import found_objects
from calico_eval.attacks.sanity.planted_vulnerability import (
    check_planted_is_found,
)
from calico_eval.attacks.sanity.single_frame import check_rising_strength, check_unbounded
from calico_eval.engines.torch import TorchEngine

CAMERA = AttackSpec("pgd", Threat(camera_levels=8), steps=5)


CHECKLIST = Checklist("mini", "torch-cpu")


Faulty = Callable[[TorchEngine, str], TorchEngine]


def test_an_attack_that_goes_nowhere_fails_s3(
    fused: TorchEngine, street_frame: Frame, faulty: Faulty
) -> None:
    check = check_unbounded(CHECKLIST, faulty(fused, "saturated"), [street_frame], 0)
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

    monkeypatch.setattr(single_frame, "attack_frames", spy)
    monkeypatch.setattr(single_frame, "UNBOUNDED_STEPS", 2)
    saturated = faulty(fused, "saturated")
    check = check_unbounded(CHECKLIST, saturated, [street_frame], 0)
    assert [(name, steps) for name, steps, _ in tried] == [("pgd", 2), ("apgd_decay", 4)]
    assert check.measured["objects_left"] == min(left for *_, left in tried)


def test_attacks_on_a_cut_branch_are_out_of_order(
    fused: TorchEngine, street_frame: Frame, faulty: Faulty
) -> None:
    """Without a gradient, PGD is no better than the noise that it starts from."""
    checks = check_rising_strength(
        CHECKLIST, faulty(fused, "images detached"), street_frame, [CAMERA], 0
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


def test_nothing_found_when_clean_is_not_run(fused: TorchEngine, street_frame: Frame) -> None:
    empty = street_frame.replace(
        boxes=street_frame.boxes.select(np.zeros(len(street_frame.boxes.labels), bool))
    )
    for check, message in (
        (
            check_unbounded(CHECKLIST, fused, [empty], 0),
            "the frames have none that the model could",
        ),
        (
            check_planted_is_found(CHECKLIST, fused, [empty], [CAMERA], 0),
            "the model finds no object",
        ),
    ):
        assert check.verdict == "NOT RUN"
        assert message in check.message
