"""Corruptions at a value of their parameter: names, records, bytes, refusals."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from calico.data.source import FrameSource
from calico_eval.attacks import AttackSpec, Threat
from calico_eval.evaluation.applied_condition import corrupt_frame
from calico_eval.evaluation.conditions import CLEAN, AttackCondition, CorruptionCondition
from corruptions import SPECS, CorruptionError, corrupt


def test_a_curve_point_is_named_by_its_value() -> None:
    point = CorruptionCondition.at_value("fog", 87)
    assert (str(point), point.file_stem) == ("fog visibility_m=87", "fog-visibility_m=87")
    described = point.describe()
    assert (described.kind, described.severity) == ("curve", 0)
    assert (described.parameters, described.axis, described.unit) == (
        {"visibility_m": 87.0},
        "visibility_m",
        "m",
    )
    assert described.sensors == ("camera", "lidar")


def test_every_digit_of_the_value_is_in_the_name() -> None:
    stems = {
        CorruptionCondition.at_value("fog", value).file_stem
        for value in (87.0, math.nextafter(87.0, 88.0), 87.5)
    }
    assert len(stems) == 3
    assert "fog-visibility_m=87.5" in stems


def test_at_the_value_of_a_severity_the_bytes_are_those_of_the_severity(
    street: FrameSource,
) -> None:
    frame = street[0]
    value = SPECS["point_drop"].value_at(3)
    at_value = corrupt_frame(CorruptionCondition.at_value("point_drop", value), 5, frame)
    assert np.array_equal(at_value.points, corrupt(frame, "point_drop", 3, 5).points)
    elsewhere = corrupt_frame(CorruptionCondition.at_value("point_drop", 0.5), 5, frame)
    assert len(elsewhere.points) == pytest.approx(len(frame.points) / 2, rel=0.1)


def test_a_value_decides_over_the_severity_which_is_a_label_then(street: FrameSource) -> None:
    labelled = CorruptionCondition.at_severity("point_drop", 2, 0.5)
    assert labelled.describe().parameters == {"share_dropped": 0.5}
    assert (labelled.describe().kind, labelled.describe().severity, labelled.file_stem) == (
        "corruption",
        2,
        "point_drop-share_dropped=0.5",
    )
    point = CorruptionCondition.at_value("point_drop", 0.5)
    frames = [corrupt_frame(condition, 5, street[0]) for condition in (labelled, point)]
    assert np.array_equal(frames[0].points, frames[1].points)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("fgo", 87, "unknown corruption 'fgo': did you mean 'fog'"),
        (
            "fog+camera_crash",
            87,
            "a pair, which has no single parameter; .*: fog.visibility_m and "
            "camera_crash.cameras_off",
        ),
        ("fog", 0.5, "visibility_m is 0.5, expected 1 to 1e[+]09 m"),
        ("fog", math.nan, "visibility_m is nan"),
        ("point_drop", 1.5, "share_dropped is 1.5, expected 0 to 1 share"),
    ],
)
def test_what_cannot_be_is_refused(name: str, value: float, message: str) -> None:
    with pytest.raises(CorruptionError, match=message):
        CorruptionCondition.at_value(name, value)


def test_an_attack_records_the_effort_that_it_makes() -> None:
    def effort(name: str) -> set[str]:
        described = AttackCondition(AttackSpec(name, Threat(camera_levels=4))).describe()
        return set(described.parameters) - {"camera_levels", "objective"}

    assert effort("noise") == set()
    assert effort("square") == {"queries", "restarts"}
    assert effort("pgd") == {"steps", "restarts", "step_share", "random_start", "straight_through"}


@pytest.mark.parametrize(
    "change",
    [
        {"threat": Threat(camera_levels=4)},
        {"threat": Threat(camera_rms=8)},
        {"threat": Threat(camera_levels=8, range_m=0.1)},
        {"threat": Threat(camera_levels=8, r_min_m=2.0, range_m=0.1)},
        {"steps": 5},
        {"restarts": 2},
        {"objective": "det"},
        {"random_start": False},
        {"straight_through": False},
        {"name": "noise"},
        {"name": "apgd"},
        {"step_share": 1.0},
    ],
)
def test_attack_parameters_change_the_condition(change: dict[str, Any]) -> None:
    attack = AttackSpec("pgd", Threat(camera_levels=8))
    one = AttackCondition(attack).describe()
    assert one != AttackCondition(dataclasses.replace(attack, **change)).describe()
    assert one == AttackCondition(dataclasses.replace(attack, step_share=0.25)).describe()


def test_one_threat_written_in_two_ways_is_one_condition() -> None:
    """To the byte: a cell's id hashes it."""
    for one, other in (
        (Threat(camera_levels=8), Threat(camera_levels=8.0)),
        (Threat(range_m=1), Threat(range_m=1.0)),
    ):  # type: ignore[arg-type]
        texts = {
            AttackCondition(AttackSpec("pgd", t)).describe().model_dump_json() for t in (one, other)
        }
        assert len(texts) == 1


def test_conditions_read_well() -> None:
    assert str(CLEAN) == "clean"
    assert str(CorruptionCondition.at_severity("point_drop", 3)) == "point_drop 3"
    assert str(AttackCondition(AttackSpec("pgd", Threat(camera_levels=8)))) == "camera_pgd 8/255"
    assert str(AttackCondition(AttackSpec("noise", Threat(range_m=0.1)))) == "lidar_noise 0.1 m"


def test_a_control_is_another_condition_for_another_objective() -> None:
    """Its frames are the same, its success rate is not."""
    one, other = (
        AttackCondition(AttackSpec("noise", Threat(range_m=0.1), objective)).describe()
        for objective in ("hide", "create")
    )
    assert (one.name, one.parameters["objective"]) == ("lidar_noise", "hide")
    assert (other.name, other.parameters["objective"]) == ("lidar_noise_create", "create")
    assert "steps" not in one.parameters


def test_conditions_of_joint_and_crossed_attacks_read_well() -> None:
    joint = AttackSpec("apgd", Threat(camera_levels=4, range_m=0.1), objective="create")
    assert str(AttackCondition(joint)) == "joint_apgd_create 4/255 + 0.1 m"
    on = CorruptionCondition.at_severity("fog", 3)
    assert str(AttackCondition(joint, on)) == "fog+joint_apgd_create 3, 4/255 + 0.1 m"
    assert AttackCondition(joint, on).on == on
