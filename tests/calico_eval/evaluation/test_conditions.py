"""Corruptions at a value of their parameter: names, records, bytes, refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest

from calico.data.source import FrameSource
from calico_eval.attacks import AttackSpec, Threat
from calico_eval.evaluation.applied_condition import corrupt_frame
from calico_eval.evaluation.conditions import AttackCondition, CorruptionCondition
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
