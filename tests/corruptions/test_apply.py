import numpy as np
import pytest

from calico.frame import Frame
from corruptions import (
    CorruptionError,
    corrupt,
    corrupt_with,
    find_corruptions,
)
from corruptions.preset import Level
from corruptions.presets import choose_levels


@pytest.mark.parametrize("severity", [-1, 6, 2.0, True, "3"])
def test_severity_out_of_range(street: Frame, severity: object) -> None:
    with pytest.raises(
        CorruptionError, match=r"fog: severity is .*, expected a whole number from 0"
    ):
        corrupt(street, "fog", severity, seed=0)  # type: ignore[arg-type]


@pytest.mark.parametrize("severity", [np.int64(2), np.uint8(2), np.int32(2)])
def test_whole_numbers_of_numpy_are_severities(street: Frame, severity: int) -> None:
    expected = corrupt(street, "point_drop", 2, seed=0).points
    assert np.array_equal(corrupt(street, "point_drop", severity, seed=0).points, expected)
    assert Level("point_drop", severity) == Level("point_drop", 2)
    assert type(Level("point_drop", severity).severity) is int
    assert choose_levels(["point_drop"], [severity]) == (Level("point_drop", 2),)


@pytest.mark.parametrize("severity", [True, np.True_, 2.0, np.float64(2), "2", None])
def test_what_is_no_whole_number_is_no_severity(street: Frame, severity: object) -> None:
    for use in (
        lambda: corrupt(street, "point_drop", severity, seed=0),  # type: ignore[arg-type]
        lambda: Level("point_drop", severity),  # type: ignore[arg-type]
        lambda: choose_levels(["point_drop"], [severity]),  # type: ignore[list-item]
    ):
        with pytest.raises(CorruptionError, match=r"severity is .*, expected a whole number"):
            use()


@pytest.mark.parametrize("value", [0.5, float("nan"), float("inf"), -3.0])
def test_parameter_out_of_range(street: Frame, value: float) -> None:
    with pytest.raises(CorruptionError, match=r"fog: visibility_m is .*, expected 1 to 1e\+09 m"):
        corrupt_with(street, "fog", value, seed=0)


def test_pair_is_its_parts_in_order(street: Frame) -> None:
    both = corrupt(street, "fog+camera_crash", 2, seed=3)
    parts = corrupt(corrupt(street, "fog", 2, seed=3), "camera_crash", 2, seed=3)
    assert np.array_equal(both.points, parts.points)
    assert all(np.array_equal(a, b) for a, b in zip(both.images, parts.images, strict=True))
    assert sum(not image.any() for image in both.images) == 2
    assert [spec.name for spec in find_corruptions("camera_crash+fog")] == ["camera_crash", "fog"]


def test_pair_has_no_single_parameter(street: Frame) -> None:
    with pytest.raises(CorruptionError, match="has 2 parameters; give a severity"):
        corrupt_with(street, "fog+camera_crash", 50, seed=0)
