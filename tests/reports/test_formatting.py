import pytest

from reports import formatting
from reports.schema import Condition, Metric


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.4123, "fraction", "41.2 %"),
        (1.0, "fraction", "100.0 %"),
        (-0.05, "fraction", "−5.0 %"),
        (-0.0001, "fraction", "0.0 %"),  # no minus zero
        (0.314, "m", "0.31 m"),
        (3.141592653589793, "rad", "180.0°"),
        (0.5, "m/s", "0.50 m/s"),
        (0.00001, "", "1e−05"),
        (400.0, "px", "400 px"),
    ],
)
def test_number(value: float, unit: str, text: str) -> None:
    assert formatting.format_number(value, unit).replace("\u00a0", " ") == text


def test_metric_interval_and_sample() -> None:
    value = Metric(value=0.4123, lo=0.38, hi=0.447, n_frames=1, n_scenes=2)
    assert formatting.format_metric(value) == "41.2\u00a0%"
    assert formatting.format_interval(value) == "[38.0, 44.7]"
    assert formatting.format_sample(value) == "1\u00a0frame, 2\u00a0scenes"
    assert formatting.format_metric(None) == "not run"
    assert (
        formatting.format_metric(Metric(value=None, reason="r", n_frames=0, n_scenes=0))
        == "undefined"
    )
    assert formatting.format_interval(Metric(value=0.4, n_frames=0, n_scenes=0)) == ""


@pytest.mark.parametrize(
    ("new", "old", "text"),
    [
        (0.42, 0.40, "+2.0 pp"),
        (0.40, 0.42, "−2.0 pp"),
        (0.4, 0.4, "±0.0 pp"),
        (0.4001, 0.4, "±0.0 pp"),
    ],
)
def test_delta(new: float, old: float, text: str) -> None:
    assert formatting.format_delta(new, old, "fraction").replace("\u00a0", " ") == text


def test_names_parameters_and_conditions() -> None:
    assert formatting.to_words("camera_crash") == "camera crash"
    assert formatting.to_words("pgd_lidar") == "PGD LiDAR"
    assert formatting.format_axis("visibility_m", "m") == "visibility (m)"
    assert formatting.format_axis("beams_kept", "beams") == "beams kept"
    assert formatting.format_axis("eps", "px/255") == "eps (px/255)"
    attack = Condition(kind="attack", name="pgd", parameters={"steps": 10, "eps_m": 0.2})
    assert formatting.format_condition(attack).replace("\u00a0", " ") == "PGD, eps 0.2 m, steps 10"
    attack = attack.model_copy(update={"axis": "eps_m"})
    assert formatting.format_condition(attack).replace("\u00a0", " ") == "PGD, eps 0.2 m"
    assert (
        formatting.format_full_condition(attack).replace("\u00a0", " ")
        == "PGD, eps 0.2 m, steps 10"
    )
    attack = Condition(
        kind="attack", name="camera_pgd", parameters={"eps": 8.0}, axis="eps", unit="/255"
    )
    assert formatting.format_condition(attack).replace("\u00a0", " ") == "camera PGD, eps 8/255"
    joint = {"camera_levels": 8, "range_m": 0.1, "r_min_m": 1.0, "steps": 10}
    attack = Condition(
        kind="attack",
        name="joint_pgd",
        parameters=joint,
        axis="camera_levels",
        unit="/255",
        sensors=("camera", "lidar"),
    )
    assert (
        formatting.format_condition(attack).replace("\u00a0", " ")
        == "joint PGD, camera levels 8/255 + range 0.1 m"
    )
    assert (
        formatting.format_condition(Condition(kind="corruption", name="fog", severity=3)).replace(
            "\u00a0", " "
        )
        == "fog, severity 3"
    )
    assert formatting.format_condition(Condition(kind="clean", name="clean")) == "clean"


def test_measured_quantities_show_a_small_excess_over_a_budget() -> None:
    assert formatting.format_parameter(8.0001) == "8.0001"
    assert formatting.format_parameter(None) == "none"


def test_shares_are_shown_in_percent() -> None:
    assert (
        formatting.format_parameters({"share_hit": 0.004, "smear": 0.03}).replace("\u00a0", " ")
        == "share hit 0.4 %, smear 0.03"
    )
    assert formatting.format_place(0.03, "smear (share of the width)") == "3\u00a0%"
    assert formatting.format_place(0.03, "smear") == "0.03"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({3}, "severity 3"),
        ({5, 1, 3}, "severities 1, 3, 5"),
        ({1, 2, 3, 4, 5}, "severities 1 to 5"),
        ({1, 2}, "severities 1, 2"),
    ],
)
def test_severities(values: set[int], text: str) -> None:
    assert formatting.format_severities(values).replace("\u00a0", " ") == text
