"""beams_reduced, cross_sensor, fov_limited: which rays are left."""

import numpy as np
import pytest

from corruptions.lidar.beams import thin_evenly


@pytest.mark.parametrize("count", [32, 64, 128])
@pytest.mark.parametrize("phase", [0.0, 0.3, 0.9999])
def test_thinned_keeps_its_share_evenly(count: int, phase: float) -> None:
    for left in (1, 3, 4, 8, 12, count // 2, count - 1, count):
        kept = np.flatnonzero(thin_evenly(np.arange(count), left / count, phase))
        assert abs(len(kept) - left) <= (0 if (left / count * 2**20).is_integer() else 1)
        if len(kept) > 1:
            gaps = np.diff(kept)
            assert gaps.max() - gaps.min() <= 1
