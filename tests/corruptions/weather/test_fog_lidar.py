import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from calico.frame import Frame
from corruptions import corrupt_with
from corruptions.weather.fog_lidar import LIGHT_M_S, PULSE_S, soft_return_table


def test_two_way_attenuation(street: Frame) -> None:
    # At a visibility of 400 m no echo of the fog is stronger than the street's within 45 m.
    after = corrupt_with(street, "fog", 400, seed=0)
    assert np.array_equal(after.points[:, :3], street.points[:, :3])
    origin = street.sweep_T[street.sweep_index, :3, 3]
    distance = np.linalg.norm(street.points[:, :3] - origin, axis=1)
    expected = street.points[:, 3] * np.exp(-2 * np.log(20) / 400 * distance)
    assert after.points[:, 3] == pytest.approx(expected, rel=1e-4)


def test_object_at_half_the_visibility_keeps_five_percent(street: Frame) -> None:
    # There and back is one visibility: exp(-2 alpha MOR / 2) = 1 / 20; the fog's own echo is weaker
    # (0.002).
    points = street.points[:1].copy()
    points[0] = [10, 0, 0, 1.0, 0]
    single = street.replace(
        points=points, ring=street.ring[:1], sweep_index=street.sweep_index[:1], elongation=None
    )
    assert corrupt_with(single, "fog", 20, seed=0).points[0, 3] == pytest.approx(1 / 20, rel=1e-3)


def integral(target_m: float, alpha: float) -> float:
    """F(R) by adaptive quadrature over time, as the paper writes it."""

    def integrand(t: float) -> float:
        x = target_m - LIGHT_M_S * t / 2
        if x < 0.9:
            return 0.0
        overlap = min(1.0, (x - 0.9) / 0.1)
        return float(
            np.sin(np.pi * t / (2 * PULSE_S)) ** 2 * overlap * np.exp(-2 * alpha * x) / x**2
        )

    breaks = [2 * (target_m - x) / LIGHT_M_S for x in (0.9, 1.0)]
    return quad(
        integrand, 0, 2 * PULSE_S, points=[b for b in breaks if 0 < b < 2 * PULSE_S], limit=200
    )[0]


@pytest.mark.parametrize("alpha", [0.0075, 0.05, 0.1])
def test_table_against_quadrature(alpha: float) -> None:
    ranges, peak = soft_return_table(alpha)
    for target_m in (2.0, 3.0, 5.0, 30.0):
        candidates = np.arange(0.5, min(target_m, 12.0) + 1e-9, 0.05)
        values = [integral(float(r), alpha) for r in candidates]
        at = round(target_m / 0.05)
        assert peak[at] == pytest.approx(max(values), rel=0.02)
        assert ranges[at] == pytest.approx(candidates[int(np.argmax(values))], abs=0.11)


def test_soft_returns_lie_on_their_ray_before_the_object(street: Frame) -> None:
    after = corrupt_with(street, "fog", 30, seed=0)
    origin = street.sweep_T[street.sweep_index, :3, 3]
    old, new = street.points[:, :3] - origin, after.points[:, :3] - origin
    moved = (after.points[:, :3] != street.points[:, :3]).any(axis=1)
    assert moved.mean() > 0.02
    assert set(street.sweep_index[moved]) == {0, 1}
    cosine = (old * new).sum(axis=1) / np.linalg.norm(old, axis=1) / np.linalg.norm(new, axis=1)
    assert cosine[moved] == pytest.approx(1.0, abs=1e-6)
    assert (np.linalg.norm(new, axis=1) <= np.linalg.norm(old, axis=1) + 1e-4).all()
    # The strongest echo of the fog is a few metres away; they scatter within a factor of two about
    # it.
    distance = np.linalg.norm(new[moved], axis=1)
    assert 1.5 < distance.min() < distance.max() < 10.0


@pytest.mark.parametrize("visibility_m", [20.0, 30.0, 60.0])
def test_range_decides_which_return_is_soft(street: Frame, visibility_m: float) -> None:
    # Intensity is a factor of both returns, so beyond one range all returns are the fog's: where
    # R^2 (beta / beta_0) F, by quadrature with beta = 0.046 / MOR and beta_0 = 1e-6 / pi (Hahner et
    # al., table 1), exceeds exp(-2 alpha R).
    alpha = np.log(20) / visibility_m
    strongest = max(integral(float(r), alpha) for r in np.arange(1.0, 12.0, 0.05))
    soft = 0.046 / visibility_m / (1e-6 / np.pi) * strongest
    crossover = brentq(lambda r: np.log(soft * r**2) + 2 * alpha * r, 5.0, 400.0)
    ranges = np.arange(crossover - 3, crossover + 3, 0.05)
    points = np.zeros((len(ranges), 5), np.float32)
    points[:, 0], points[:, 3] = ranges, 0.5
    zeros = np.zeros(len(points), np.int16)
    line = street.replace(points=points, ring=zeros, sweep_index=zeros.copy(), elongation=None)
    moved = corrupt_with(line, "fog", visibility_m, seed=0).points[:, 0] < points[:, 0] - 0.01
    assert ranges[moved].min() == pytest.approx(crossover, abs=0.2)
    assert ranges[~moved].max() == pytest.approx(crossover, abs=0.2)


def test_soft_returns_scatter_evenly_over_two_octaves(street: Frame) -> None:
    # At 80 m all returns are the fog's. They lie at the range of the strongest echo (by quadrature)
    # times 2^u with u uniform in [-1, 1], whose standard deviation is 1 / sqrt(3).
    points = np.zeros((4000, 5), np.float32)
    points[:, 0], points[:, 3] = 80.0, 0.5
    zeros = np.zeros(len(points), np.int16)
    line = street.replace(points=points, ring=zeros, sweep_index=zeros.copy(), elongation=None)
    reported = corrupt_with(line, "fog", 30.0, seed=0).points[:, 0]
    candidates = np.arange(1.0, 12.0, 0.05)
    strongest = candidates[np.argmax([integral(float(r), np.log(20) / 30) for r in candidates])]
    octaves = np.log2(reported / strongest)
    assert octaves.std() == pytest.approx(1 / np.sqrt(3), rel=0.03)
    assert (octaves.min(), octaves.max()) == pytest.approx((-1.0, 1.0), abs=0.03)
