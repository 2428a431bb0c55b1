"""The noises of points: their distribution in closed form, and what they leave alone."""

import numpy as np
import pytest
from scipy import stats

from calico.frame import Frame
from corruptions import SPECS, corrupt, corrupt_with

NAMES = ("point_gaussian_noise", "point_uniform_noise", "point_impulse_noise", "point_radial_noise")


def shift(before: Frame, after: Frame) -> np.ndarray:
    return after.points[:, :3].astype(np.float64) - before.points[:, :3]


@pytest.mark.parametrize("name", NAMES)
def test_only_positions_change(street: Frame, name: str) -> None:
    after = corrupt(street, name, 5, seed=0)
    assert np.array_equal(after.points[:, 3:], street.points[:, 3:])
    assert np.array_equal(after.ring, street.ring)
    assert np.array_equal(after.sweep_index, street.sweep_index)


@pytest.mark.parametrize("severity", [1, 3, 5])
def test_gaussian(street: Frame, severity: int) -> None:
    sigma = SPECS["point_gaussian_noise"].value_at(severity)
    moved = shift(street, corrupt(street, "point_gaussian_noise", severity, seed=0)) / sigma
    assert stats.kstest(moved.ravel(), "norm").pvalue > 0.01
    assert abs(np.corrcoef(moved.T) - np.eye(3)).max() < 0.05


@pytest.mark.parametrize("severity", [1, 3, 5])
def test_uniform(street: Frame, severity: int) -> None:
    reach = SPECS["point_uniform_noise"].value_at(severity)
    moved = shift(street, corrupt(street, "point_uniform_noise", severity, seed=0)) / reach
    assert abs(moved).max() <= 1.001
    assert stats.kstest(moved.ravel(), stats.uniform(-1, 2).cdf).pvalue > 0.01
    assert moved.std() == pytest.approx(1 / np.sqrt(3), rel=0.02)


@pytest.mark.parametrize(("severity", "divisor"), [(1, 30), (2, 25), (3, 20), (4, 15), (5, 10)])
def test_impulse(street: Frame, severity: int, divisor: int) -> None:
    moved = shift(street, corrupt(street, "point_impulse_noise", severity, seed=0))
    hit = (moved != 0).any(axis=1)
    assert hit.sum() == round(len(street.points) / divisor)
    assert np.allclose(abs(moved[hit]), 0.1, atol=1e-5)
    # All eight corners of the cube alike.
    corners = np.bincount((moved[hit] > 0) @ [1, 2, 4], minlength=8)
    assert stats.chisquare(corners).pvalue > 0.01


@pytest.mark.parametrize("severity", [1, 3, 5])
def test_radial_noise_stays_on_the_ray(street: Frame, severity: int) -> None:
    sigma = SPECS["point_radial_noise"].value_at(severity)
    after = corrupt(street, "point_radial_noise", severity, seed=0)
    start = street.sweep_T[street.sweep_index, :3, 3]
    old, new = street.points[:, :3] - start, after.points[:, :3] - start
    was, now = np.linalg.norm(old, axis=1), np.linalg.norm(new, axis=1)
    assert np.linalg.norm(np.cross(old, new), axis=1).max() < 1e-5 * (was * now).max()
    assert ((old * new).sum(axis=1) > 0).all()
    assert stats.kstest((now - was) / sigma, "norm").pvalue > 0.01


def test_radial_noise_never_goes_behind_the_sensor(street: Frame) -> None:
    near = street.points.copy()
    near[:, :3] = street.sweep_T[street.sweep_index, :3, 3] + [0.03, 0, 0]
    near[0, :3] = street.sweep_T[street.sweep_index[0], :3, 3]  # at the sensor itself
    after = corrupt_with(street.replace(points=near), "point_radial_noise", 0.1, seed=0)
    forward = after.points[:, 0] - street.sweep_T[street.sweep_index, 0, 3]
    assert forward[0] == 0
    assert forward[1:].min() == pytest.approx(0.01, abs=1e-6)
    assert (forward[1:] < 0.0101).mean() == pytest.approx(stats.norm.cdf(-0.2), abs=0.03)
