import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt_with


def test_points_are_smeared_along_the_velocity_and_no_farther(
    crowd: Frame, owner: np.ndarray
) -> None:
    times = []
    for seed in range(10):
        after = corrupt_with(crowd, "moving_object", 0.1, seed=seed)
        assert np.array_equal(after.points[:, 2:], crowd.points[:, 2:])
        assert np.array_equal(after.boxes.boxes, crowd.boxes.boxes, equal_nan=True)
        shift = after.points[:, :2].astype(float) - crowd.points[:, :2]
        velocity = crowd.boxes.boxes[:, 7:9].astype(float)[owner]
        moving = (owner >= 0) & (np.hypot(*velocity.T) > 0.2)
        assert not shift[~moving].any()
        v, d = velocity[moving], shift[moving]
        assert v[:, 0] * d[:, 1] - v[:, 1] * d[:, 0] == pytest.approx(np.zeros(len(v)), abs=1e-3)
        times.append((v * d).sum(axis=1) / (v**2).sum(axis=1))
    time_s = np.concatenate(times)
    assert abs(time_s).max() == pytest.approx(0.05, abs=5e-4)
    assert time_s.mean() == pytest.approx(0, abs=1e-3)
    assert time_s.std() == pytest.approx(0.1 / np.sqrt(12), rel=0.03)


def test_standing_objects_and_those_of_unknown_velocity_stay(
    crowd: Frame, owner: np.ndarray
) -> None:
    boxes = crowd.boxes.boxes.copy()
    boxes[:, 7:9] = [0.14, -0.14]
    boxes[3, 7:9] = [0.15, 0.15]
    boxes[4, 7:9] = [np.nan, 9]
    frame = crowd.replace(boxes=crowd.boxes.select(np.arange(30)))
    frame.boxes.boxes[:] = boxes
    after = corrupt_with(frame, "moving_object", 0.1, seed=0)
    assert set(owner[(after.points != crowd.points).any(axis=1)]) == {3}
