"""motion_jitter, motion_compensation: rigid parts, and standard deviations in closed form."""

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt
from corruptions.lidar.motion_compensation import SLICES, pose_errors


@pytest.mark.parametrize("sigma", [0.02, 0.1, 1.0])
def test_pose_errors_are_rigid_with_the_stated_spread(sigma: float) -> None:
    errors = pose_errors(4000, sigma, np.random.default_rng(0))
    rotation, shift = errors[:, :, :3], errors[:, :, 3]
    assert np.allclose(rotation @ rotation.transpose(0, 2, 1), np.eye(3), atol=1e-12)
    assert np.allclose(np.linalg.det(rotation), 1, atol=1e-12)
    assert shift.std(axis=0) == pytest.approx(sigma, rel=0.05)
    # A rotation by the vector w has the angle |w|; of three Gaussian axes, E |w|^2 = 3 sigma^2.
    angle = np.arccos((np.trace(rotation, axis1=1, axis2=2) - 1) / 2)
    assert np.mean(angle**2) == pytest.approx(3 * (0.1 * sigma) ** 2, rel=0.05)


def test_every_slice_moves_as_a_rigid_body_about_its_sensor(street: Frame) -> None:
    after = corrupt(street, "motion_compensation", 5, seed=0)
    assert np.array_equal(after.points[:, 3:], street.points[:, 3:])
    start = street.sweep_T[street.sweep_index, :3, 3]
    old, new = street.points[:, :3] - start, after.points[:, :3] - start
    azimuth = np.degrees(np.arctan2(old[:, 1], old[:, 0])) + 180
    checked, shifts, turns = 0, [], []
    for sweep in (0, 1):
        for number in range(SLICES):
            width = 360 / SLICES
            inside = (azimuth > number * width + 1e-3) & (azimuth < (number + 1) * width - 1e-3)
            part = inside & (street.sweep_index == sweep)
            a, b = old[part], new[part]
            # Kabsch: the rigid motion that fits best leaves nothing over.
            u, _, vt = np.linalg.svd((a - a.mean(0)).T @ (b - b.mean(0)))
            turn = vt.T @ np.diag([1, 1, np.linalg.det(vt.T @ u.T)]) @ u.T
            shift = b.mean(0) - turn @ a.mean(0)
            assert np.abs(a @ turn.T + shift - b).max() < 2e-5
            checked += len(a)
            shifts.append(shift)
            turns.append(np.arccos(np.clip((np.trace(turn) - 1) / 2, -1, 1)))
    assert checked > 0.85 * len(
        street.points
    )  # the street's azimuths of 0, 18, 36 ... degrees lie on a slice's edge
    assert np.std(shifts) == pytest.approx(0.10, rel=0.1)
    assert np.sqrt(np.mean(np.square(turns))) == pytest.approx(0.010 * np.sqrt(3), rel=0.12)
