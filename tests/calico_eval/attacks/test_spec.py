"""The spec of an attack refuses what cannot run."""

import math
from dataclasses import replace

import pytest

from calico.errors import CalicoError
from calico_eval.attacks import ALGORITHMS, AttackSpec, Threat, check_spec

CAMERA = AttackSpec("pgd", Threat(camera_levels=4))
RAY = AttackSpec("pgd", Threat(range_m=0.1))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "pdg"}, "did you mean 'pgd'"),
        ({"name": "radar"}, f"expected one of {', '.join(ALGORITHMS)}$"),
        ({"objective": "hid"}, "did you mean 'hide'"),
        ({"steps": 0}, "steps is 0, expected 1 or more"),
        ({"restarts": 0}, "restarts is 0, expected 1 or more"),
        (
            {"steps": 10, "step_share": 0.17},
            "10 steps of 0.17 radii cannot cross the ball; expected step_share >= 0.2",
        ),
        ({"step_share": float("nan")}, "cannot cross the ball"),
        ({"step_share": float("inf")}, "cannot cross the ball"),
        ({"step_share": -1.0}, "cannot cross the ball"),
        (
            {"threat": Threat(points_added=5)},
            "attack pgd: does not use points_added; it uses camera_levels",
        ),
        ({"threat": Threat(camera_levels=4, window_deg=8)}, "attack pgd: does not use window_deg"),
        ({"threat": Threat(patch_share=0.1)}, "attack pgd: does not use patch_share"),
    ],
)
def test_spec_refuses(changes: dict[str, object], message: str) -> None:
    with pytest.raises(CalicoError, match=message):
        check_spec(replace(CAMERA, **changes))  # type: ignore[arg-type]


def test_default_step_crosses_the_ball() -> None:
    assert CAMERA.step == pytest.approx(0.25)
    assert replace(CAMERA, step_share=0.2).step == 0.2
    for steps in (1, 7, 50):
        assert steps * replace(RAY, steps=steps).step >= 2


@pytest.mark.parametrize(
    ("threat", "sensor"),
    [
        (Threat(), "none"),
        (Threat(camera_rms=2.0), "camera"),
        (Threat(intensity=0.1), "lidar"),
        (Threat(camera_levels=1, axis_m=0.1), "joint"),
    ],
)
def test_the_sensor_is_that_of_the_threat(threat: Threat, sensor: str) -> None:
    assert AttackSpec("pgd", threat).sensor == sensor


def test_every_attack_takes_its_standard_threats() -> None:
    for name, algorithm in ALGORITHMS.items():
        for threat in algorithm.standard:
            assert check_spec(AttackSpec(name, threat)).threat == threat


@pytest.mark.parametrize("name", ["fgsm", "ta_fgsm", "ta_ffgsm"])
def test_an_attack_of_one_step_has_one_whatever_is_given(name: str) -> None:
    one = check_spec(AttackSpec(name, Threat(camera_levels=4), steps=50, step_share=0.1))
    assert one == check_spec(AttackSpec(name, Threat(camera_levels=4)))
    assert (one.steps, AttackSpec("pgd", Threat(camera_levels=4), steps=50).steps) == (1, 50)


def test_points_cross_borders_that_their_budget_reaches() -> None:
    threats = Threat(range_m=0.2), Threat(axis_m=0.1), Threat(camera_levels=4, range_m=0.3)
    assert [AttackSpec("pgd", threat).crossing_m for threat in threats] == [0.2, 0.1, 0.3]
    assert AttackSpec("inject", Threat(points_added=9)).crossing_m == math.inf
    assert AttackSpec("pgd", threats[0], straight_through=False).crossing_m is None
