"""Small pictures of the sensors."""

import numpy as np
import pytest

from calico.data.source import FrameSource
from calico.frame import Frame
from calico_eval.corruption_gallery.pictures import choose_focus, draw_lidar, draw_views


@pytest.fixture(scope="module")
def frame(street: FrameSource) -> Frame:
    return street[1]


def test_the_close_up_shows_the_object_where_it_is(frame: Frame) -> None:
    focus = choose_focus(frame)
    clean = draw_lidar(frame, focus, 200)
    assert clean.shape == (200, 400, 3)
    assert draw_views(frame, 300).shape[1] == 300
    far = frame.replace(
        points=np.array([[500, 0, 0, 1, 0]], np.float32),
        ring=frame.ring[:1],
        sweep_index=frame.sweep_index[:1],
    )
    near_points = far.points.copy()
    near_points[0, :3] = focus.middle
    near = far.replace(points=near_points)
    changed = (draw_lidar(near, focus, 200) != draw_lidar(far, focus, 200)).any(axis=-1)
    assert changed[45:55, 295:305].any()  # the middle of the upper close-up
    assert not changed[:40, 200:].any()
