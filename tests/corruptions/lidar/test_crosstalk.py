import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt_with


def test_crosstalk_moves_its_share_by_three_metres(street: Frame) -> None:
    after = corrupt_with(street, "crosstalk", 0.5, seed=0)
    shift = (after.points - street.points)[:, :3]
    hit = (shift != 0).any(axis=1)
    assert hit.sum() == round(0.5 * len(street.points))
    assert shift[hit].std(axis=0) == pytest.approx([3, 3, 3], rel=0.06)
    assert shift[hit].mean(axis=0) == pytest.approx([0, 0, 0], abs=0.2)
    assert np.array_equal(after.points[:, 3:], street.points[:, 3:])
    assert np.array_equal(after.ring, street.ring)
