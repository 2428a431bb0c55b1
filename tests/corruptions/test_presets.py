"""The presets: every name there, every value possible, and how texts become conditions."""

import pytest

from corruptions import SPECS, CorruptionError
from corruptions.preset import Level
from corruptions.presets import PRESETS, choose_levels, choose_names

PUBLIC = {"robo3d": 8, "robobev": 8, "multicorrupt": 10, "nuscenes-c": 27, "msc-bench": 16}


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_can_be_chosen_whole(name: str) -> None:
    assert choose_levels([name]) == PRESETS[name].levels
    assert len(PRESETS[name].rows) == PUBLIC.get(name, len(PRESETS[name].rows))


def test_ours_has_every_group() -> None:
    groups = {SPECS[row.name].group for row in PRESETS["calico"].rows}
    assert groups == {spec.group for spec in SPECS.values()}
    assert len(PRESETS["calico"].rows) == 12
    assert [row.name for row in PRESETS["all"].rows] == list(SPECS)


def test_names_commas_and_levels() -> None:
    assert choose_levels(["fog, point_drop", "fog"], (2, 4)) == tuple(
        Level(name, severity) for name in ("fog", "point_drop") for severity in (2, 4)
    )
    assert Level("fog", 3, 50) in choose_levels(["robo3d"])
    assert choose_levels(["robo3d"], (3,))[0] == Level("fog", 3, 50)
    assert choose_names(["robo3d,fog", "fog+camera_crash"])[-1] == "fog+camera_crash"
    assert choose_names([]) == tuple(SPECS)


@pytest.mark.parametrize(
    ("texts", "severities", "message"),
    [
        (["fgo"], (), "unknown corruption 'fgo': did you mean 'fog'.*presets: calico"),
        (["robo3"], (), "did you mean 'robo3d'"),
        (["fog"], (6,), "fog: severity is 6, expected one of 1, 2, 3, 4, 5"),
        (["robo3d"], (5,), "fog: severity is 5, expected one of 1, 2, 3"),
        (["robo3d,multicorrupt"], (), "fog 1 is at 300 and at 150"),
        (["robo3d,fog"], (), "fog 1 is at 300 and at our severity"),
        (
            ["robo3d,low_light"],
            (),
            r"low_light has the levels \[1, 2, 3, 4, 5\], fog has \[1, 2, 3\]",
        ),
    ],
)
def test_what_cannot_be_chosen_together_is_refused(
    texts: list[str], severities: tuple[int, ...], message: str
) -> None:
    with pytest.raises(CorruptionError, match=message):
        choose_levels(texts, severities)
