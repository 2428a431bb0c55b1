import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt, corrupt_with


@pytest.mark.parametrize(("severity", "half_angle"), [(1, 105), (2, 90), (3, 75), (4, 60), (5, 45)])
def test_fov_limited_keeps_what_is_ahead_of_the_sensor(
    street: Frame, severity: int, half_angle: float
) -> None:
    # The older sweep's sensor looked 30 degrees to the left.
    turn = np.radians(30)
    sweep_T = street.sweep_T.copy()
    sweep_T[1, :2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    street = street.replace(sweep_T=sweep_T)
    after = corrupt(street, "fov_limited", severity, seed=0)
    inverse = np.linalg.inv(sweep_T)
    kept = {row.tobytes() for row in after.points}
    for point, sweep in zip(street.points, street.sweep_index, strict=True):
        x, y, _, _ = inverse[sweep] @ [*point[:3].astype(np.float64), 1.0]
        azimuth = np.degrees(np.arctan2(y, x))
        if abs(abs(azimuth) - half_angle) > 1e-4:
            assert (point.tobytes() in kept) == (abs(azimuth) < half_angle)
    assert 0 < len(after.points) < len(street.points)


def test_fov_limited_at_180_degrees_keeps_what_is_straight_behind(street: Frame) -> None:
    behind = street.points.copy()
    behind[0, :3] = -10, 0, 0
    assert len(
        corrupt_with(street.replace(points=behind), "fov_limited", 180.0, seed=0).points
    ) == len(behind)
