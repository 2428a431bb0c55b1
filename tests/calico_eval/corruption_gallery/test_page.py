"""The gallery's page and sheets, on a frame of the simulator and on frames that lack something."""

import html
import re

import numpy as np
import pytest

from calico.data.source import FrameSource
from calico.frame import Frame
from calico_eval.corruption_gallery.page import render_page


@pytest.fixture(scope="module")
def frame(street: FrameSource) -> Frame:
    return street[1]


def page_of(frame: Frame, *names: str) -> tuple[str, list[str]]:
    return render_page(frame, names, 0, "a street", lambda done, total: None)


def test_the_page_needs_nothing_from_outside(frame: Frame) -> None:
    page, failed = page_of(frame, "fog", "extrinsic", "point_drop+low_light")
    assert failed == []
    assert "Every effect check passed" in page
    assert "default-src 'none'" in html.unescape(page)
    assert not re.search(r"<script|https?://|src=\"(?!data:)", page)
    assert page.count('<section id="') == 3
    assert page.count("<img ") == 5 * (2 + 1 + 2)
    assert "visibility_m 100 m" in page
    assert page_of(frame, "fog", "extrinsic", "point_drop+low_light")[0] == page


def test_a_failed_check_is_shown_and_what_cannot_be_is_no_failure(frame: Frame) -> None:
    alone = frame.replace(sweep_index=np.zeros_like(frame.sweep_index))
    page, failed = page_of(alone, "sweep_dropout")
    assert failed == []
    assert page.count("does nothing to this frame: no older LiDAR sweeps") == 5
    still = frame.replace(images=tuple(np.zeros_like(image) for image in frame.images))
    page, failed = page_of(still, "camera_crash")
    assert [text.split(":")[0] for text in failed] == [f"camera_crash {s}" for s in range(1, 6)]
    assert page.count('<figure class="failed">') == 5
    assert "5 effect checks failed" in page
