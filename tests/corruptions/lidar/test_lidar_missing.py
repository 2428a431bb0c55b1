import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt, corrupt_with


def test_lidar_missing_is_all_or_nothing_per_frame(street: Frame) -> None:
    assert len(corrupt(street, "lidar_missing", 1, seed=0).points) == 0
    counts = [
        len(corrupt_with(street.replace(token=f"t{i}"), "lidar_missing", 0.3, seed=0).points)
        for i in range(60)
    ]
    assert set(counts) == {0, len(street.points)}
    assert np.mean(np.array(counts) == 0) == pytest.approx(0.3, abs=0.18)
