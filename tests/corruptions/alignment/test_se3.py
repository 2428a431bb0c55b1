import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from corruptions.alignment.se3 import rotation_about


def test_rodrigues_against_scipy() -> None:
    axis = np.array([2.0, -1.0, 2.0]) / 3
    assert rotation_about(axis, 0.7) == pytest.approx(Rotation.from_rotvec(0.7 * axis).as_matrix())
