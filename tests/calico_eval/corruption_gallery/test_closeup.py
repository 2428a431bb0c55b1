"""The large picture of one camera."""

import io

import numpy as np
import pytest
from PIL import Image

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico_eval.corruption_gallery.closeup import GAP_PX, LABEL_PX, WIDTH_PX, draw_closeup


@pytest.fixture(scope="module")
def frame(street: FrameSource) -> Frame:
    return street[1]


def test_a_closeup_shows_one_camera_clean_and_at_three_severities(frame: Frame) -> None:
    high, wide = frame.images[1].shape[:2]
    height = round(WIDTH_PX * high / wide)
    picture = Image.open(io.BytesIO(draw_closeup(frame, "low_light+point_drop", 1, 0)))
    assert picture.size == (2 * WIDTH_PX + GAP_PX, 2 * (height + LABEL_PX) + GAP_PX)
    pixels = np.asarray(picture).astype(float)
    below = height + LABEL_PX + GAP_PX
    light = [
        pixels[top + LABEL_PX : top + LABEL_PX + height, left : left + WIDTH_PX].mean()
        for top in (0, below)
        for left in (0, WIDTH_PX + GAP_PX)
    ]
    assert light[0] == pytest.approx(frame.images[1].mean(), abs=2)
    assert light[0] > light[1] > light[2] > light[3]
    with pytest.raises(CalicoError, match=r"--camera 9: frame .* has . cameras, numbered from 0"):
        draw_closeup(frame, "fog", 9, 0)
