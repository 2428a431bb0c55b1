import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt_with


@pytest.mark.parametrize("gain", [0.0, 1 / 255, 0.1, 0.7, 1.5, 255.0])
def test_intensity_shift_is_a_factor_held_at_full_scale(street: Frame, gain: float) -> None:
    after = corrupt_with(street, "intensity_shift", gain, seed=0)
    expected = np.minimum(street.points[:, 3].astype(np.float64) * gain, 1.0)
    assert np.allclose(after.points[:, 3], expected, rtol=1e-6)
    assert np.array_equal(after.points[:, [0, 1, 2, 4]], street.points[:, [0, 1, 2, 4]])
