"""Overview pictures of a group."""

import io

import numpy as np
import pytest
from PIL import Image

from calico.data.source import FrameSource
from calico.frame import Frame
from calico_eval.corruption_gallery.sheet import MAX_BYTES, draw_sheet
from corruptions import SPECS


@pytest.fixture(scope="module")
def frame(street: FrameSource) -> Frame:
    return street[1]


def test_a_sheet_has_a_row_per_corruption(frame: Frame) -> None:
    specs = [SPECS[name] for name in ("fog", "camera_crash", "extrinsic", "object_rotation")]
    data = draw_sheet(frame, specs, 0)
    assert len(data) <= MAX_BYTES
    whole = np.asarray(Image.open(io.BytesIO(data)))
    assert (
        whole.shape[0]
        > np.asarray(Image.open(io.BytesIO(draw_sheet(frame, specs[:2], 0)))).shape[0]
    )
