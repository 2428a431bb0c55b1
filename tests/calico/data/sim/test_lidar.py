"""The simulated LiDAR."""

from __future__ import annotations

import numpy as np

from calico.frame import Frame


def test_intensity_range_and_rings(frame: Frame) -> None:
    assert frame.points[:, 3].min() >= 0
    assert frame.points[:, 3].max() <= 1
    assert set(np.unique(frame.ring)) <= set(range(32))
    distance = np.linalg.norm(frame.points[:, :3], axis=1)
    elevation = np.rad2deg(np.arcsin(frame.points[:, 2] / distance))
    np.testing.assert_allclose(elevation, -30.67 + frame.ring * (41.34 / 31), atol=0.02)
