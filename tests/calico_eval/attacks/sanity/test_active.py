"""All active sanity checks on a sound model."""

from __future__ import annotations

from dataclasses import replace

from calico.data.source import FrameSource
from calico.frame import Frame
from calico_eval.attacks import AttackSpec, Threat
from calico_eval.attacks.sanity import TITLES, Checklist, active_checks
from calico_eval.attacks.sanity.gradients import (
    check_gradients_agree,
)
from calico_eval.attacks.sanity.planted_vulnerability import (
    check_planted_is_found,
)
from calico_eval.engines.torch import TorchEngine
from reports.schema import SanityCheck

CAMERA = AttackSpec("pgd", Threat(camera_levels=8), steps=5)


LIDAR = AttackSpec("pgd", Threat(range_m=0.2), steps=5)


CHECKLIST = Checklist("mini", "torch-cpu")


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
            check_gradients_agree(CHECKLIST, fused, [street_frame], "det", 3),
            check_planted_is_found(CHECKLIST, fused, [street_frame], [CAMERA], 3),
        ]

    before = TorchEngine(fused.model, fused.config, "cpu").sha256
    assert made() == made()
    assert TorchEngine(fused.model, fused.config, "cpu").sha256 == before
