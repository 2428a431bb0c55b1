"""What a user types becomes the right threats."""

import pytest

from calico.errors import CalicoError
from calico_eval.attacks import AttackSpec, Threat
from calico_eval.attacks.parse import Budget, attack_specs


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("4/255", "camera_levels", 4),
        ("2.5/255rms", "camera_rms", 2.5),
        (" 0.1m", "range_m", 0.1),
        ("0.03m/axis", "axis_m", 0.03),
        ("0.05i", "intensity", 0.05),
        ("60points", "points", 60),
        ("10%", "share", 0.1),
        ("20deg", "window_deg", 20),
    ],
)
def test_a_budget_is_a_number_with_its_unit(text: str, field: str, value: float) -> None:
    assert Budget.parse(text) == Budget(field, value)


@pytest.mark.parametrize("text", ["4", "4.5/255", "-1m", "0.1 km", "m", "1.2.3m", ""])
def test_a_budget_without_a_known_unit_is_an_error_that_lists_them(text: str) -> None:
    with pytest.raises(CalicoError, match=r"expected a number with its unit, one of 4/255"):
        Budget.parse(text)


def test_without_budgets_an_attack_runs_on_each_sensor_at_its_standard_threat() -> None:
    assert attack_specs(["pgd"], ["camera", "lidar", "joint"]) == (
        AttackSpec("pgd", Threat(camera_levels=4)),
        AttackSpec("pgd", Threat(range_m=0.1)),
        AttackSpec("pgd", Threat(camera_levels=4, range_m=0.1)),
    )


def test_budgets_go_to_the_sensor_that_they_are_of_and_joint_pairs_them() -> None:
    budgets = [Budget.parse(text) for text in ("2/255", "8/255", "0.1m", "0.3m")]
    threats = [
        spec.threat
        for spec in attack_specs(["pgd"], ["camera", "lidar", "joint"], budgets, steps=20)
    ]
    assert threats == [
        Threat(camera_levels=2),
        Threat(camera_levels=8),
        Threat(range_m=0.1),
        Threat(range_m=0.3),
        Threat(camera_levels=2, range_m=0.1),
        Threat(camera_levels=8, range_m=0.3),
    ]
    with pytest.raises(CalicoError, match="pgd on joint: 2 camera budgets and 1 LiDAR budgets"):
        attack_specs(["pgd"], ["joint"], budgets[:3])


def test_objectives_steps_and_restarts_are_those_asked_for() -> None:
    specs = attack_specs(
        ["pgd", "noise"], ["camera"], objectives=["hide", "create"], steps=7, restarts=3
    )
    assert [(s.name, s.objective, s.steps, s.restarts) for s in specs] == [
        ("pgd", "hide", 7, 3),
        ("pgd", "create", 7, 3),
        ("noise", "hide", 10, 3),
        ("noise", "create", 10, 3),
    ]


@pytest.mark.parametrize(
    ("names", "sensors", "budgets", "message"),
    [
        (["pdg"], ["camera"], [], "attack 'pdg': did you mean 'pgd'. Expected one of pgd, apgd"),
        (["pgd"], ["radar"], [], "sensor 'radar': expected one of camera, lidar, joint"),
        (
            ["pgd"],
            ["camera"],
            ["0.1m"],
            "range_m 0.1: none of the attacks pgd on camera can use it",
        ),
        (
            ["pgd", "patch_object"],
            ["lidar"],
            [],
            "attack patch_object: nothing to attack on lidar; leave it out",
        ),
        (["pgd", "spoof"], ["joint"], [], "attack spoof: nothing to attack on joint"),
        (
            ["pgd"],
            ["camera"],
            ["20deg"],
            "window_deg 20: none of the attacks .*; pgd takes 4/255, 2/255rms, 0.1m,",
        ),
        (
            ["spoof"],
            ["lidar"],
            ["4/255"],
            "none of the attacks spoof on lidar can use it; spoof takes 60points",
        ),
        (
            ["pgd"],
            ["joint"],
            ["2/255rms", "0.1m"],
            "pgd on joint: a joint budget is L-infinity; .* in place of 2/255rms",
        ),
    ],
)
def test_what_cannot_be_run_is_an_error(
    names: list[str], sensors: list[str], budgets: list[str], message: str
) -> None:
    with pytest.raises(CalicoError, match=message):
        attack_specs(names, sensors, [Budget.parse(text) for text in budgets])


def test_effort_is_the_standard_one_of_the_attack_unless_it_is_given() -> None:
    steps = {spec.name: spec.steps for spec in attack_specs(["pgd", "square", "spoof"], ["lidar"])}
    assert steps == {"pgd": 10, "square": 200, "spoof": 12}
    given = attack_specs(
        ["pgd", "square", "spoof", "noise", "fgsm"], ["lidar"], steps=7, queries=50
    )
    assert {spec.name: spec.steps for spec in given} == {
        "pgd": 7,
        "square": 50,
        "spoof": 50,
        "noise": 10,
        "fgsm": 1,
    }
    with pytest.raises(
        CalicoError,
        match="--steps 7: none of the attacks square, noise makes several steps; "
        "expected --queries",
    ):
        attack_specs(["square", "noise"], ["lidar"], steps=7)
    with pytest.raises(
        CalicoError, match=r"--queries 50: .* pgd makes several queries; expected --steps"
    ):
        attack_specs(["pgd"], ["lidar"], queries=50)
    with pytest.raises(
        CalicoError,
        match="--steps 7: none of the attacks noise, fgsm makes several steps; leave it out",
    ):
        attack_specs(["noise", "fgsm"], ["lidar"], steps=7)


def test_points_replace_what_they_cover_and_shares_and_windows_go_where_they_belong() -> None:
    def threats(name: str, *texts: str) -> list[Threat]:
        return [
            spec.threat
            for spec in attack_specs([name], ["camera", "lidar"], [Budget.parse(t) for t in texts])
        ]

    assert threats("spoof", "60points", "100points") == [
        Threat(points_added=n, points_removed=n, window_deg=10) for n in (60, 100)
    ]
    assert threats("drop", "3%") == [Threat(removed_share=0.03)]
    assert threats("patch_object", "20%") == [Threat(patch_share=0.2)]
    assert threats("remove", "15deg") == [Threat(removed_share=1.0, window_deg=15)]
    assert threats("ta_pgdl2", "3/255rms") == [Threat(camera_rms=3)]
