import numpy as np

from calico.frame import Frame
from corruptions import corrupt, corrupt_with
from corruptions.preset import Level


def test_a_condition_applies_its_value_or_its_severity(street: Frame) -> None:
    at_value = Level("point_drop", 1, 0.7).corrupt_frame(street, 5)
    assert np.array_equal(at_value.points, corrupt_with(street, "point_drop", 0.7, 5).points)
    at_severity = Level("point_drop", 2).corrupt_frame(street, 5)
    assert np.array_equal(at_severity.points, corrupt(street, "point_drop", 2, 5).points)
