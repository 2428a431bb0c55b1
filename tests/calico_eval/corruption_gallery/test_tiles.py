"""One corruption at every severity."""

import numpy as np
import pytest

from calico.data.source import FrameSource
from calico.frame import Frame
from calico_eval.corruption_gallery.page import render_page
from calico_eval.corruption_gallery.pictures import choose_focus
from calico_eval.corruption_gallery.tiles import describe_effect, describe_value, make_panel
from corruptions import SPECS, CorruptionError, measure_effect


@pytest.fixture(scope="module")
def frame(street: FrameSource) -> Frame:
    return street[1]


def page_of(frame: Frame, *names: str) -> tuple[str, list[str]]:
    return render_page(frame, names, 0, "a street", lambda done, total: None)


def test_only_sensors_that_changed_are_drawn(frame: Frame) -> None:
    focus = choose_focus(frame)
    tile = make_panel("point_drop", frame, focus, 0, (3,)).tiles[0]
    assert tile.lidar.startswith("data:image/jpeg;base64,")
    assert not tile.cameras
    assert make_panel("low_light", frame, focus, 0, (3,)).tiles[0].lidar == ""
    blind = frame.replace(
        images=(),
        camera_K=np.zeros((0, 3, 3)),
        camera_T_lidar=np.zeros((0, 4, 4)),
        camera_time_s=np.zeros(0),
    )
    page, failed = page_of(blind, "fog", "low_light")
    assert page.count("<img ") == 5
    assert page.count("does nothing to this frame: no cameras") == 5
    assert failed == []
    with pytest.raises(CorruptionError, match="unknown corruption"):
        page_of(frame, "fgo")


def test_values_and_effects_in_words(frame: Frame) -> None:
    assert describe_value(SPECS["fog"], 87.0) == "visibility_m 87 m"
    assert describe_value(SPECS["point_drop"], 0.18) == "share_dropped 18 %"
    keep = np.arange(len(frame.points)) % 4 > 0
    thinner = frame.replace(
        points=frame.points[keep], ring=frame.ring[keep], sweep_index=frame.sweep_index[keep]
    )
    words = describe_effect(measure_effect(frame, thinner))
    assert words[0] == f"points {len(frame.points)} → {int(keep.sum())}"
    assert "25.0% of the positions gone" in words
    assert describe_effect(measure_effect(frame, frame)) == ()
