import numpy as np
import pytest
from scipy import optimize, stats

from calico.frame import Frame
from corruptions import SPECS, corrupt, corrupt_with


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
def test_ghosts_stand_twice_as_far_on_a_ray(street: Frame, severity: int) -> None:
    after = corrupt(street, "ghost_points", severity, seed=0)
    n = len(street.points)
    assert np.array_equal(after.points[:n], street.points)
    assert np.array_equal(after.ring[:n], street.ring)
    ghosts = after.points[n:].astype(np.float64)
    assert len(ghosts) == round(SPECS["ghost_points"].value_at(severity) * n)
    start = street.sweep_T[after.sweep_index[n:], :3, 3]
    half = (start + (ghosts[:, :3] - start) / 2).astype(np.float32)
    where = {row[:3].round(3).tobytes(): i for i, row in enumerate(street.points + np.float32(0))}
    source = [where.get((row.round(3) + np.float32(0)).tobytes()) for row in half]
    found = [i is not None for i in source]
    assert np.mean(found) > 0.9  # the others lie on an edge of the rounding
    index = np.array([i for i in source if i is not None])
    assert len(set(index)) == len(index)
    assert np.allclose(ghosts[found, 3], street.points[index, 3].astype(np.float64) ** 2, atol=1e-6)
    assert np.array_equal(ghosts[found, 4].astype(np.float32), street.points[index, 4])
    assert np.array_equal(after.ring[n:][found], street.ring[index])
    assert after.elongation is not None
    assert street.elongation is not None
    assert np.array_equal(after.elongation[n:][found], street.elongation[index])
    reach = np.linalg.norm(
        street.points[:, :3] - street.sweep_T[street.sweep_index, :3, 3], axis=1
    ).max()
    assert np.linalg.norm(ghosts[:, :3] - start, axis=1).max() <= reach + 1e-3


def test_ghosts_come_from_bright_points(street: Frame) -> None:
    # Half of the points have i^2 = 0.8, the others 0.4; all are able to have a ghost.
    near = np.arange(4000)
    points = street.points[near].copy()
    points[:, :3] = 10 * points[:, :3] / np.linalg.norm(points[:, :3], axis=1, keepdims=True)
    points[0, :3] *= 3
    points[:, 3] = np.sqrt(np.where(near % 2, 0.8, 0.4))
    frame = street.replace(
        points=points, ring=street.ring[near], sweep_index=np.zeros(4000, np.int16), elongation=None
    )
    share = 0.05
    # P(i^2 X > t) = exp(-t / i^2): the threshold t that leaves the share, then the part of the
    # bright ones in it.
    limit = optimize.brentq(lambda t: (np.exp(-t / 0.8) + np.exp(-t / 0.4)) / 2 - share, 0, 50)
    expected = np.exp(-limit / 0.8) / 2 / share
    drawn = np.concatenate(
        [
            corrupt_with(frame.replace(token=f"t{i}"), "ghost_points", share, seed=0).points[
                len(points) :, 3
            ]
            for i in range(5)
        ]
    )
    assert len(drawn) == 5 * 200
    assert stats.binomtest(int((drawn > 0.6).sum()), len(drawn), expected).pvalue > 0.01


def test_no_ghosts_without_an_echo(street: Frame) -> None:
    points = street.points.copy()
    points[:, 3] = 0.0
    assert len(corrupt(street.replace(points=points), "ghost_points", 5, seed=0).points) == len(
        points
    )
