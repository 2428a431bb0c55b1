"""Pictures of frames: one from above, and one through the cameras where there are any."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from calico.data.pictures import write_overlays
from tests.hand_made import HandMade


def test_first_and_last_frame_are_drawn(tmp_path: Path) -> None:
    calls: list[tuple[int, int]] = []
    files = write_overlays(
        HandMade(5), tmp_path, frames=2, range_m=16.0, progress=lambda *now: calls.append(now)
    )
    assert [file.name for file in files] == [
        "hand-0-bev.png",
        "hand-0-cameras.png",
        "hand-4-bev.png",
        "hand-4-cameras.png",
    ]
    assert calls == [(1, 2), (2, 2)]
    pictures = [np.asarray(Image.open(file)) for file in files]
    assert (pictures[0] != pictures[2]).any()
