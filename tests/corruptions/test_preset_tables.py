import numpy as np
import pytest

from corruptions import SPECS, find_corruptions
from corruptions.preset import Preset, Row
from corruptions.presets import PRESETS

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


def test_specs_and_presets_agree_on_the_suites() -> None:
    for name in PUBLIC:
        used = {part for row in PRESETS[name].rows for part in row.name.split("+")}
        told = {spec.name for spec in SPECS.values() if name in spec.suites}
        assert used <= told, (name, used - told)


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
