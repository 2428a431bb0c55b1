import numpy as np
import pytest

from calico.frame import Frame
from corruptions import SPECS, corrupt, corrupt_with


@pytest.mark.parametrize("severity", [1, 3, 5])
def test_jitter_shifts_sweeps_and_points(street: Frame, severity: int) -> None:
    sigma = SPECS["motion_jitter"].value_at(severity)
    shifts = []
    for i in range(40):
        after = corrupt(street.replace(token=f"t{i}"), "motion_jitter", severity, seed=0)
        moved = after.points[:, :3].astype(np.float64) - street.points[:, :3]
        for sweep in (0, 1):
            of = street.sweep_index == sweep
            shifts.append(moved[of].mean(axis=0))
            assert moved[of].std(axis=0) == pytest.approx(0.15 * sigma, rel=0.05)
    # 240 draws: the standard error of the standard deviation is 4.6 %.
    assert np.std(shifts) == pytest.approx(sigma, rel=0.15)
    assert np.mean(shifts) == pytest.approx(0, abs=3.5 * sigma / np.sqrt(240))
    total = np.sqrt(np.mean(np.square(shifts)) + (0.15 * sigma) ** 2)
    assert total == pytest.approx(sigma * np.sqrt(1 + 0.15**2), rel=0.15)


def test_jitter_grows_in_proportion(street: Frame) -> None:
    moved = [
        corrupt_with(street, "motion_jitter", s, seed=0).points - street.points for s in (0.1, 0.3)
    ]
    assert np.allclose(3 * moved[0], moved[1], atol=2e-5)
