"""The table of attacks: which threats each takes, and how much effort."""

from __future__ import annotations

from dataclasses import replace

import pytest

from calico.errors import CalicoError
from calico_eval.attacks import (
    ALGORITHMS,
    AttackSpec,
    Threat,
)
from calico_eval.attacks.budget.patch_shape import PatchShape
from calico_eval.attacks.catalogue import check_spec

NEAR = PatchShape(ahead_m=8.0, left_m=-2.0)


def test_other_attacks_have_no_patch() -> None:
    with pytest.raises(CalicoError, match="attack pgd: has no patch"):
        check_spec(AttackSpec("pgd", Threat(camera_levels=4), patch=NEAR))
    with pytest.raises(
        CalicoError, match="attack patch_world: does not use camera_levels; it uses patch_share"
    ):
        check_spec(AttackSpec("patch_world", Threat(camera_levels=4)))


def test_an_attack_of_one_step_has_one_step_whatever_is_asked_for() -> None:
    asked = AttackSpec("fgsm", Threat(camera_levels=4), steps=40)
    assert check_spec(asked).steps == 1
    assert check_spec(replace(asked, name="pgd")).steps == 40


@pytest.mark.parametrize(
    ("name", "threat", "message"),
    [
        ("pdg", Threat(camera_levels=4), "attack 'pdg'"),
        ("drop", Threat(range_m=0.1), "attack drop: does not use range_m; it uses points_removed"),
        ("universal", Threat(camera_rms=2.0), "attack universal: does not use camera_rms"),
        ("pgd", Threat(camera_rms=2.0, range_m=0.1), "a joint budget is L-infinity"),
    ],
)
def test_what_an_attack_cannot_use_is_refused(name: str, threat: Threat, message: str) -> None:
    with pytest.raises(CalicoError, match=message):
        check_spec(AttackSpec(name, threat))


def test_attacks_with_an_aim_of_their_own_hide_where_a_model_has_only_its_loss() -> None:
    """A search by queries and a phantom cannot raise a loss that only the model can compute."""
    for name, expected in (("pgd", "model_loss"), ("square", "hide"), ("spoof_random", "hide")):
        assert ALGORITHMS[name].adapt_objective("model_loss") == expected
        assert ALGORITHMS[name].adapt_objective("det") == "det"


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_every_standard_threat_is_one_that_the_attack_takes(name: str) -> None:
    algorithm = ALGORITHMS[name]
    assert algorithm.name == name
    assert algorithm.standard
    for threat in algorithm.standard:
        algorithm.check(threat)
