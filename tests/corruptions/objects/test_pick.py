import numpy as np

from calico.frame import Frame
from corruptions.objects.pick import pick_points


def test_picked_points_are_ordered_by_object(crowd: Frame, owner: np.ndarray) -> None:
    picked = pick_points(crowd)
    assert np.array_equal(owner[picked.rows], picked.owner)
    assert np.array_equal(picked.counts, np.bincount(owner[owner >= 0], minlength=30))
    assert (np.diff(picked.owner) >= 0).all()
