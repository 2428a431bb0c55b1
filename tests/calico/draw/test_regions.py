"""Regions from above."""

from __future__ import annotations

import numpy as np

from calico.draw.regions import MISSED, SEMANTIC_LESS, draw_regions
from calico.frame import Frame


def test_regions_are_coloured_and_missed_objects_red(frame: Frame) -> None:
    """The car's points (rows 600 to 639) are a region, the pedestrian is missed."""
    ids = np.full(len(frame.points), -1, np.int32)
    ids[600:640] = 0
    picture = draw_regions(frame, ids, np.array([0, -1]), range_m=16.0, size_px=640)[:640].astype(
        int
    )
    assert picture.shape == (640, 640, 3)

    def near(color: tuple[int, int, int]) -> np.ndarray:
        """(n, 2) x, y in metres of the pixels of about that colour."""
        rows, columns = np.nonzero(abs(picture - color).sum(axis=2) < 40)
        return np.stack([16 - rows / 20, 16 - columns / 20], axis=1)

    saturated = np.nonzero(np.ptp(picture, axis=2) > 120)
    x, y = 16 - saturated[0] / 20, 16 - saturated[1] / 20
    car = np.hypot(x - 8, y - 1) < 2.6
    walker = np.hypot(x - 4, y - 6) < 0.7
    assert car.sum() > 30
    assert (car | walker).all()
    assert np.hypot(*(near(MISSED) - [4, 6]).T).max() < 0.7
    assert len(near(SEMANTIC_LESS)) > 200
