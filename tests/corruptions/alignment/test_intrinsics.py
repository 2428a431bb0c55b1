import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt, corrupt_with


@pytest.mark.parametrize(
    ("severity", "share"), [(1, 0.0025), (2, 0.005), (3, 0.01), (4, 0.02), (5, 0.04)]
)
def test_focal_length_and_principal_point_are_off_exactly(
    street: Frame, severity: int, share: float
) -> None:
    old, new = street.camera_K, corrupt(street, "intrinsics", severity, seed=0).camera_K
    assert abs(new[:, 0, 0] / old[:, 0, 0] - 1) == pytest.approx(np.full(6, share))
    assert new[:, 1, 1] / old[:, 1, 1] == pytest.approx(new[:, 0, 0] / old[:, 0, 0])
    shift = (new[:, :2, 2] - old[:, :2, 2]) / old[:, [0, 1], [0, 1]]
    assert np.linalg.norm(shift, axis=1) == pytest.approx(np.full(6, share))
    assert len({tuple(s) for s in shift.round(9)}) == 6
    assert np.array_equal(
        new[:, [0, 1, 2, 2, 2], [1, 0, 0, 1, 2]], old[:, [0, 1, 2, 2, 2], [1, 0, 0, 1, 2]]
    )


def test_longer_and_shorter_occur(street: Frame) -> None:
    ratio = np.concatenate(
        [
            corrupt_with(street, "intrinsics", 0.1, seed=s).camera_K[:, 0, 0]
            / street.camera_K[:, 0, 0]
            for s in range(9)
        ]
    )
    assert set(ratio.round(6)) == {0.9, 1.1}


def test_the_angle_does_not_depend_on_the_resolution(street: Frame) -> None:
    half = street.camera_K * np.array([[0.5], [0.5], [1.0]])
    coarse = corrupt(street.replace(camera_K=half), "intrinsics", 4, seed=0).camera_K
    fine = corrupt(street, "intrinsics", 4, seed=0).camera_K
    assert coarse == pytest.approx(fine * np.array([[0.5], [0.5], [1.0]]))


def test_it_lasts_for_a_scene(street: Frame) -> None:
    first = corrupt(street, "intrinsics", 3, seed=0).camera_K
    assert np.array_equal(
        corrupt(street.replace(token="later"), "intrinsics", 3, seed=0).camera_K, first
    )
    assert not np.allclose(
        corrupt(street.replace(scene="other"), "intrinsics", 3, seed=0).camera_K, first
    )
