import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from calico.frame import Frame
from corruptions import corrupt, corrupt_with


@pytest.mark.parametrize(
    ("severity", "degrees", "metres"),
    [(1, 0.5, 0.02), (2, 1, 0.05), (3, 2, 0.1), (4, 3, 0.2), (5, 5, 0.5)],
)
def test_every_camera_turns_and_shifts_exactly(
    street: Frame, severity: int, degrees: float, metres: float
) -> None:
    after = corrupt(street, "extrinsic", severity, seed=0)
    for old, new in zip(street.camera_T_lidar, after.camera_T_lidar, strict=True):
        delta = new @ np.linalg.inv(old)
        assert delta[:3, :3] @ delta[:3, :3].T == pytest.approx(np.eye(3), abs=1e-12)
        assert np.linalg.det(delta[:3, :3]) == pytest.approx(1.0)
        assert delta[3] == pytest.approx([0, 0, 0, 1])
        assert np.degrees(Rotation.from_matrix(delta[:3, :3]).magnitude()) == pytest.approx(
            degrees, abs=1e-9
        )
        assert np.linalg.norm(delta[:3, 3]) == pytest.approx(metres, abs=1e-12)


def test_cameras_have_their_own_error_and_keep_it_for_a_scene(street: Frame) -> None:
    first = corrupt(street, "extrinsic", 3, seed=0).camera_T_lidar
    deltas = first @ np.linalg.inv(street.camera_T_lidar)
    assert not np.allclose(deltas[0], deltas[1])
    assert np.array_equal(
        corrupt(street.replace(token="later"), "extrinsic", 3, seed=0).camera_T_lidar, first
    )
    assert not np.allclose(
        corrupt(street.replace(scene="other"), "extrinsic", 3, seed=0).camera_T_lidar, first
    )


@pytest.mark.parametrize(("degrees", "metres"), [(0.0, 0.0), (2.5, 0.15), (10.0, 1.0)])
def test_translation_between_and_beyond_the_levels(
    street: Frame, degrees: float, metres: float
) -> None:
    after = corrupt_with(street, "extrinsic", degrees, seed=0).camera_T_lidar
    delta = after[0] @ np.linalg.inv(street.camera_T_lidar[0])
    assert np.linalg.norm(delta[:3, 3]) == pytest.approx(metres, abs=1e-12)


def test_data_and_ground_truth_stay(street: Frame) -> None:
    after = corrupt(street, "extrinsic", 5, seed=0)
    assert np.array_equal(after.points, street.points)
    assert np.array_equal(after.boxes.boxes, street.boxes.boxes, equal_nan=True)
    assert np.array_equal(after.ego_T_lidar, street.ego_T_lidar)
    assert np.array_equal(after.camera_K, street.camera_K)
