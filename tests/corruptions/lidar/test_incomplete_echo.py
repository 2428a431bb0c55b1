import numpy as np
import pytest

from calico.frame import Frame
from corruptions import SPECS, corrupt, corrupt_with


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
def test_incomplete_echo_loses_its_share_of_the_darkest_fifth(street: Frame, severity: int) -> None:
    after = corrupt(street, "incomplete_echo", severity, seed=0)
    n = len(street.points)
    dark = round(0.2 * n)
    assert n - len(after.points) == round(SPECS["incomplete_echo"].value_at(severity) * dark)
    left = {row.tobytes() for row in after.points}
    gone = np.array([row.tobytes() not in left for row in street.points])
    limit = np.sort(street.points[:, 3])[dark - 1]
    assert street.points[gone, 3].max() <= limit
    assert (street.points[:, 3] > limit).sum() == (after.points[:, 3] > limit).sum()


def test_incomplete_echo_draws_among_points_of_equal_intensity(street: Frame) -> None:
    points = street.points.copy()
    points[:, 3] = 0.0
    after = corrupt_with(street.replace(points=points), "incomplete_echo", 1.0, seed=0)
    n = len(points)
    assert len(after.points) == n - round(0.2 * n)
    assert (after.sweep_index == 0).mean() == pytest.approx(
        (street.sweep_index == 0).mean(), abs=0.02
    )
