import numpy as np
import pytest

from calico.frame import Frame
from corruptions import SPECS, corrupt, corrupt_with


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
def test_point_drop_counts_exactly_and_keeps_the_order(street: Frame, severity: int) -> None:
    after = corrupt(street, "point_drop", severity, seed=0)
    n = len(street.points)
    assert len(after.points) == n - round(SPECS["point_drop"].value_at(severity) * n)
    position = {row.tobytes(): i for i, row in enumerate(street.points)}
    kept = [position[row.tobytes()] for row in after.points]
    assert (np.diff(kept) > 0).all()
    assert np.array_equal(after.ring, street.ring[kept])
    assert np.array_equal(after.sweep_index, street.sweep_index[kept])


def test_point_drop_is_uniform(street: Frame) -> None:
    after = corrupt_with(street, "point_drop", 0.5, seed=0)
    assert (after.sweep_index == 0).mean() == pytest.approx(
        (street.sweep_index == 0).mean(), abs=0.03
    )
