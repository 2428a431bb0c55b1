from __future__ import annotations

import pytest

from calico.frame import Boxes, Frame
from corruptions import (
    SPECS,
    check_effect,
    corrupt,
    list_corruptions,
)


@pytest.mark.parametrize("name", list_corruptions())
def test_what_a_frame_lacks_leaves_it_as_it_is(name: str, street: Frame) -> None:
    first = street.replace(previous=None)
    bare = first.replace(boxes=Boxes.empty())
    spec = SPECS[name]
    for frame, what in ((first, "past"), (bare, "boxes")):
        expected = {"past": "no frame before in the scene", "boxes": "no labelled objects"}[what]
        assert spec.explain_lack([frame]).startswith(expected) == (what in spec.needs)
        assert spec.explain_lack([frame, street]) == ""
        if what in spec.needs:
            passed, _, _ = check_effect(name, frame, corrupt(frame, name, 5, seed=7))
            assert not passed
