"""The presets: every name there, every value possible, and how texts become conditions."""

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import SPECS, CorruptionError, corrupt, corrupt_with, find_corruptions
from corruptions.preset import Level, Preset, Row
from corruptions.presets import PRESETS, choose_levels, choose_names

PUBLIC = {"robo3d": 8, "robobev": 8, "multicorrupt": 10, "nuscenes-c": 27, "msc-bench": 16}
ROWS = [(preset, row) for preset in PRESETS.values() for row in preset.rows]


@pytest.mark.parametrize(
    ("preset", "row"), ROWS, ids=[f"{preset.name}:{row.suite_name}" for preset, row in ROWS]
)
def test_every_condition_of_a_preset_can_be_made(preset: Preset, row: Row) -> None:
    specs = find_corruptions(row.name)
    assert bool(row.values) != bool(row.severities)
    if row.values:
        low, high = specs[0].limits
        assert len(specs) == 1
        assert all(low <= value <= high for value in row.values)
        steps = np.diff(row.values) * np.sign(specs[0].levels[-1] - specs[0].levels[0])
        assert (steps > 0).all(), "the levels must grow as the severities do"
    assert all(1 <= severity <= 5 for severity in row.severities)


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_can_be_chosen_whole(name: str) -> None:
    assert choose_levels([name]) == PRESETS[name].levels
    assert len(PRESETS[name].rows) == PUBLIC.get(name, len(PRESETS[name].rows))


def test_specs_and_presets_agree_on_the_suites() -> None:
    for name in PUBLIC:
        used = {part for row in PRESETS[name].rows for part in row.name.split("+")}
        told = {spec.name for spec in SPECS.values() if name in spec.suites}
        assert used <= told, (name, used - told)


def test_ours_has_every_room() -> None:
    groups = {SPECS[row.name].group for row in PRESETS["calico"].rows}
    assert groups == {spec.group for spec in SPECS.values()}
    assert len(PRESETS["calico"].rows) == 12
    assert [row.name for row in PRESETS["all"].rows] == list(SPECS)


def test_the_six_pairs_of_msc_bench() -> None:
    pairs = {
        row.name
        for row in PRESETS["msc-bench"].rows
        if row.name.startswith(("camera_crash+", "frame_lost+"))
    }
    assert pairs == {
        f"{camera}+{lidar}"
        for camera in ("camera_crash", "frame_lost")
        for lidar in ("cross_sensor", "crosstalk", "object_echo")
    }


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


def test_a_condition_applies_its_value_or_its_severity(street: Frame) -> None:
    at_value = Level("point_drop", 1, 0.7).corrupt_frame(street, 5)
    assert np.array_equal(at_value.points, corrupt_with(street, "point_drop", 0.7, 5).points)
    at_severity = Level("point_drop", 2).corrupt_frame(street, 5)
    assert np.array_equal(at_severity.points, corrupt(street, "point_drop", 2, 5).points)
