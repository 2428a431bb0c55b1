"""Size and place of patches: limits, whole numbers, and the parameters that a kind of patch has."""

from __future__ import annotations

import pytest

from calico.errors import CalicoError
from calico_eval.attacks.budget.patch_shape import PatchShape


@pytest.mark.parametrize(
    ("field", "low", "high"),
    [
        ("objects", 1, 20),
        ("box_share", 0.01, 0.5),
        ("width_m", 0.1, 5.0),
        ("height_m", 0.1, 5.0),
        ("ahead_m", 2.0, 60.0),
        ("left_m", -20.0, 20.0),
        ("above_ground_m", 0.0, 5.0),
    ],
)
def test_limits_are_included_and_what_lies_beyond_is_refused(
    field: str, low: float, high: float
) -> None:
    for value in (low, high):
        assert getattr(PatchShape(**{field: value}), field) == value
    for value in (low - 1, high + 1, float("nan")):
        with pytest.raises(CalicoError, match=f"patch: {field} is .*expected {low:g} to {high:g}"):
            PatchShape(**{field: value})


def test_half_an_object_carries_no_patch() -> None:
    with pytest.raises(CalicoError, match="objects"):
        PatchShape(objects=2.5)  # type: ignore[arg-type]


def test_a_kind_of_patch_has_its_own_parameters() -> None:
    shape = PatchShape(objects=2, box_share=0.3, lying=True, left_m=1.5)
    assert shape.parameters(on_objects=True) == {"patch_objects": 2, "patch_box_share": 0.3}
    assert shape.parameters(on_objects=False) == {
        "patch_width_m": 2.0,
        "patch_height_m": 2.0,
        "patch_lying": 1,
        "patch_ahead_m": 10.0,
        "patch_left_m": 1.5,
        "patch_above_ground_m": 0.3,
    }
