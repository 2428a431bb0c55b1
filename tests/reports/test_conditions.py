import pytest

from reports.conditions import is_control, level_on_axis
from reports.schema import Condition


def fog(severity: int) -> Condition:
    return Condition(kind="corruption", name="fog", severity=severity)


def test_level_is_the_physical_value_or_the_severity() -> None:
    assert (
        level_on_axis(
            Condition(kind="corruption", name="fog", severity=2, parameters={"v": 50}, axis="v")
        )
        == 50
    )
    assert (
        level_on_axis(
            Condition(kind="corruption", name="fog", severity=2, parameters={"v": "low"}, axis="v")
        )
        == 2
    )
    assert level_on_axis(fog(4)) == 4


@pytest.mark.parametrize(
    "name",
    ["lidar_noise_create", "fog+camera_noise_map_erase", "camera_patch_world_grey", "lidar_x"],
)
def test_controls_say_that_they_are_one_whatever_their_name(name: str) -> None:
    assert is_control(Condition(kind="attack", name=name, control=True))
    assert not is_control(Condition(kind="attack", name=name))
    assert not is_control(Condition(kind="corruption", name=name))


@pytest.mark.parametrize(
    ("name", "control"), [("lidar_noise", True), ("gaussian_noise+camera_pgd", False)]
)
def test_in_older_files_controls_are_known_by_their_name(name: str, control: bool) -> None:
    assert is_control(Condition(kind="attack", name=name)) is control
