"""Allowances: what makes no sense is refused, and one threat has one form."""

from dataclasses import fields, replace

import numpy as np
import pytest

from calico.errors import CalicoError
from calico_eval.attacks import Threat


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"camera_levels": -1}, "camera_levels is -1, expected a finite number, 0 or more"),
        ({"camera_levels": float("nan")}, "camera_levels is nan, expected a finite number"),
        ({"camera_levels": 8 / 255}, "whole number .8 levels mean 8/255"),
        ({"camera_levels": 300}, "camera_levels is 300, expected at most 255"),
        ({"camera_rms": float("inf")}, "camera_rms is inf"),
        ({"range_m": -0.1}, "range_m is -0.1"),
        ({"patch_share": 1.5}, "patch_share is 1.5, expected at most 1"),
        ({"removed_share": 2.0}, "removed_share is 2.0, expected at most 1"),
        ({"intensity": 1.1}, "intensity is 1.1, expected at most 1"),
        ({"window_deg": 361.0}, "window_deg is 361.0, expected at most 360"),
        ({"points_added": 0.5}, "points_added is 0.5, expected a whole number"),
        ({"points_removed": 1.5}, "points_removed is 1.5, expected a whole number"),
        (
            {"camera_levels": 4, "camera_rms": 2.0},
            "both camera_levels and camera_rms are set; expected one norm",
        ),
        ({"camera_levels": 4, "patch_share": 0.1}, "both camera_levels and patch_share are set"),
        ({"camera_rms": 4.0, "patch_share": 0.1}, "both camera_rms and patch_share are set"),
        ({"range_m": 0.1, "axis_m": 0.1}, "both range_m and axis_m are set; expected one norm"),
        ({"r_min_m": 0.0}, "more than 0 metres"),
    ],
)
def test_a_threat_refuses(values: dict[str, float], message: str) -> None:
    with pytest.raises(CalicoError, match=message):
        Threat(**values)  # type: ignore[arg-type]


def test_every_allowance_refuses_what_is_no_number() -> None:
    for field in fields(Threat):
        with pytest.raises(CalicoError, match=f"{field.name} is nan"):
            replace(Threat(), **{field.name: float("nan")})


@pytest.mark.parametrize("value", ["4", None, True, [4], 4j])
def test_an_allowance_of_another_type_is_named(value: object) -> None:
    for field in fields(Threat):
        with pytest.raises(CalicoError, match=f"threat: {field.name} is .*expected a finite num"):
            replace(Threat(), **{field.name: value})  # type: ignore[arg-type]


def test_numpys_numbers_are_allowances() -> None:
    assert Threat(camera_levels=np.int64(4)) == Threat(camera_levels=4)  # type: ignore[arg-type]
    assert Threat(range_m=np.float32(0.5)) == Threat(range_m=0.5)  # type: ignore[arg-type]


def test_whole_and_broken_spellings_of_a_number_are_one_threat() -> None:
    """A sweep hashes a threat as JSON: 8.0 levels and 8 levels must be one cell."""
    for loose, strict in (
        (Threat(camera_levels=8.0), Threat(camera_levels=8)),
        (Threat(range_m=1), Threat(range_m=1.0)),
    ):  # type: ignore[arg-type]
        assert loose == strict
        assert repr(loose) == repr(strict)


@pytest.mark.parametrize(
    ("threat", "text", "sensors", "structural", "main"),
    [
        (Threat(), "0", (), False, ("camera_levels", 0, "/255")),
        (Threat(camera_levels=8), "8/255", ("camera",), False, ("camera_levels", 8, "/255")),
        (
            Threat(camera_rms=2.5),
            "2.5/255 rms",
            ("camera",),
            False,
            ("camera_rms", 2.5, "/255 rms"),
        ),
        (Threat(range_m=0.1), "0.1 m", ("lidar",), False, ("range_m", 0.1, "m")),
        (Threat(axis_m=0.1), "0.1 m per axis", ("lidar",), False, ("axis_m", 0.1, "m per axis")),
        (
            Threat(intensity=0.2),
            "0.2 of full intensity",
            ("lidar",),
            False,
            ("intensity", 0.2, "of full intensity"),
        ),
        (
            Threat(camera_levels=4, range_m=0.1),
            "4/255 + 0.1 m",
            ("camera", "lidar"),
            False,
            ("camera_levels", 4, "/255"),
        ),
        (
            Threat(points_added=60, points_removed=60, window_deg=8),
            "60 points within 8 deg",
            ("lidar",),
            True,
            ("points_added", 60, "points"),
        ),
        (Threat(points_removed=5), "5 points", ("lidar",), True, ("points_removed", 5, "points")),
        (
            Threat(removed_share=1.0, window_deg=20),
            "100 % of the points within 20 deg",
            ("lidar",),
            True,
            ("window_deg", 20, "deg"),
        ),
    ],
)
def test_words_sensors_and_axis_of_a_threat(
    threat: Threat,
    text: str,
    sensors: tuple[str, ...],
    structural: bool,
    main: tuple[str, float, str],
) -> None:
    assert (str(threat), threat.sensors, threat.structural, threat.main) == (
        text,
        sensors,
        structural,
        main,
    )


def test_half_a_joint_threat_is_half_of_every_allowance() -> None:
    whole = Threat(
        camera_levels=5, range_m=0.1, intensity=0.2, points_added=7, points_removed=7, window_deg=10
    )
    half = whole.scaled(0.5)
    assert (half.camera_levels, half.range_m, half.intensity, half.points_added) == (
        2,
        0.05,
        0.1,
        3,
    )
    assert (half.window_deg, half.r_min_m) == (10, 1)
    assert whole.scaled(0.0).sensors == ()
