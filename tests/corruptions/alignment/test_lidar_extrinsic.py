import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from calico.frame import Frame
from corruptions import corrupt, corrupt_with


@pytest.mark.parametrize(
    ("severity", "degrees", "metres"),
    [(1, 0.5, 0.02), (2, 1, 0.05), (3, 2, 0.1), (4, 3, 0.2), (5, 5, 0.5)],
)
def test_one_motion_of_the_lidar(
    street: Frame, severity: int, degrees: float, metres: float
) -> None:
    after = corrupt(street, "lidar_extrinsic", severity, seed=0).camera_T_lidar
    deltas = np.linalg.inv(street.camera_T_lidar) @ after
    assert deltas == pytest.approx(np.broadcast_to(deltas[0], deltas.shape), abs=1e-12)
    assert deltas[0, :3, :3] @ deltas[0, :3, :3].T == pytest.approx(np.eye(3), abs=1e-12)
    assert np.degrees(Rotation.from_matrix(deltas[0, :3, :3]).magnitude()) == pytest.approx(
        degrees, abs=1e-9
    )
    assert np.linalg.norm(deltas[0, :3, 3]) == pytest.approx(metres, abs=1e-12)


def test_cameras_agree_with_one_another_unlike_under_extrinsic(street: Frame) -> None:
    def relative(matrices: np.ndarray) -> np.ndarray:
        return matrices @ np.linalg.inv(matrices[0])

    right = relative(street.camera_T_lidar)
    one = relative(corrupt(street, "lidar_extrinsic", 5, seed=0).camera_T_lidar)
    each = relative(corrupt(street, "extrinsic", 5, seed=0).camera_T_lidar)
    assert one == pytest.approx(right, abs=1e-12)
    assert abs(each[1:] - right[1:]).max() > 0.05


def test_it_lasts_for_a_scene_and_the_truth_stays(street: Frame) -> None:
    after = corrupt_with(street, "lidar_extrinsic", 4.0, seed=0)
    later = corrupt_with(street.replace(token="later"), "lidar_extrinsic", 4.0, seed=0)
    other = corrupt_with(street.replace(scene="other"), "lidar_extrinsic", 4.0, seed=0)
    assert np.array_equal(after.camera_T_lidar, later.camera_T_lidar)
    assert not np.allclose(after.camera_T_lidar, other.camera_T_lidar)
    for field in ("points", "ego_T_lidar", "global_T_lidar", "camera_K", "sweep_T"):
        assert np.array_equal(getattr(after, field), getattr(street, field))
    assert np.array_equal(after.boxes.boxes, street.boxes.boxes, equal_nan=True)
