from collections.abc import Callable

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from calico.frame import Frame
from corruptions import corrupt, corrupt_with


def scene_of(street: Frame, length: int) -> tuple[list[Frame], list[int]]:
    """Frames of one scene, and the numbers of those that were asked for."""
    asked: list[int] = []
    frames: list[Frame] = []

    def loader(index: int) -> Callable[[], Frame]:
        def load() -> Frame:
            asked.append(index)
            return frames[index]

        return load

    for step in range(length):
        frames.append(street.replace(token=f"t{step}", previous=loader(step - 1) if step else None))
    return frames, asked


def deltas(frames: list[Frame], degrees: float) -> np.ndarray:
    """(frames, 6, 4, 4) error of every camera."""
    return np.stack(
        [
            corrupt_with(f, "calibration_drift", degrees, seed=1).camera_T_lidar
            @ np.linalg.inv(f.camera_T_lidar)
            for f in frames
        ]
    )


def test_it_grows_in_ten_steps_about_one_axis_and_stays(street: Frame) -> None:
    found = deltas(scene_of(street, 13)[0], 3.0)
    share = np.minimum(np.arange(13), 10) / 10
    vectors = (
        Rotation.from_matrix(found[:, :, :3, :3].reshape(-1, 3, 3))
        .as_rotvec(degrees=True)
        .reshape(13, 6, 3)
    )
    assert vectors == pytest.approx(share[:, None, None] * vectors[-1], abs=1e-9)
    assert np.linalg.norm(vectors[-1], axis=1) == pytest.approx(np.full(6, 3.0))
    assert found[:, :, :3, 3] == pytest.approx(
        share[:, None, None] * found[-1, :, :3, 3], abs=1e-12
    )
    assert np.linalg.norm(found[-1, :, :3, 3], axis=1) == pytest.approx(np.full(6, 0.2))
    first = corrupt(street.replace(previous=None), "calibration_drift", 5, seed=1)
    assert np.array_equal(first.camera_T_lidar, street.camera_T_lidar)


def test_at_most_ten_frames_are_asked_for(street: Frame) -> None:
    frames, asked = scene_of(street, 15)
    corrupt(frames[14], "calibration_drift", 1, seed=0)
    assert asked == list(range(13, 3, -1))


def test_scenes_and_cameras_creep_their_own_way(street: Frame) -> None:
    frame = scene_of(street, 4)[0][3]
    here = deltas([frame], 5.0)[0]
    there = deltas([frame.replace(scene="other")], 5.0)[0]
    assert len({tuple(d[:3, 3].round(9)) for d in (*here, *there)}) == 12
