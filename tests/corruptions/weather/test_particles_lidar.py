import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt_with
from corruptions.rng import make_generator
from corruptions.weather.detection import (
    FLOOR,
)
from corruptions.weather.particles import Particles, rain_drops, snow_flakes
from corruptions.weather.particles_lidar import (
    APERTURE_M,
    DIVERGENCE,
    NEAREST_M,
    draw_strongest,
    tabulate_detectable,
)

ONES = np.ones(60_000, np.float32)


@pytest.mark.parametrize("particles", [rain_drops(100), snow_flakes(2)])
def test_mean_number_and_shadow_against_integration(particles: Particles) -> None:
    # Over range and diameter, with the condition on the power written out.
    def integrand(d_mm: float, r: float, shadow: bool) -> float:
        width = APERTURE_M + DIVERGENCE * r
        covered = (d_mm / 1e3 / width) ** 2
        if particles.reflectance * covered * np.exp(-2 * particles.extinction * r) / r**2 < FLOOR:
            return 0.0
        number = np.pi / 4 * width**2 * particles.n0 * np.exp(-particles.slope * d_mm)
        return float(number * (1 - (1 - covered) ** 2 if shadow else 1.0))

    r = np.arange(NEAREST_M, 12, 0.02)
    d = np.arange(0.005, 25 if particles.snow else 9, 0.01)
    by_sum = [
        sum(integrand(float(b), float(a), shadow) for a in r[::10] for b in d[::5]) * 0.2 * 0.05
        for shadow in (False, True)
    ]
    table = tabulate_detectable(particles)
    assert np.interp(12.0, table.range_m, table.count) == pytest.approx(by_sum[0], rel=0.08)
    assert np.interp(12.0, table.range_m, table.shadow) == pytest.approx(by_sum[1], rel=0.08)


@pytest.mark.parametrize("particles", [rain_drops(50), snow_flakes(3)])
def test_drawn_particles(particles: Particles) -> None:
    table = tabulate_detectable(particles)
    echo, at, through = draw_strongest(table, particles, 40 * ONES, make_generator(0, "test"))
    hit = echo > 0
    assert hit.mean() == pytest.approx(
        1 - np.exp(-np.interp(40, table.range_m, table.count)), abs=0.01
    )
    assert (echo[hit] >= FLOOR * 0.85).all()  # tables of 5 cm
    assert ((at[hit] >= NEAREST_M - 0.06) & (at[hit] <= 40)).all()
    # Flakes let less through than the mean and gaps more; the mean over beams is one: exp(-2 alpha
    # R) stays what it is.
    assert through.mean() == pytest.approx(1.0, abs=0.01)
    assert through.std() > 0
    # Energy: what is returned and what is let through are no more than what was sent, beam by beam.
    sent_back = echo * np.maximum(at, NEAREST_M) ** 2
    assert (through * np.exp(-2 * particles.extinction * 40.0) + sent_back <= 1.0).all()


def test_near_targets_have_fewer_particles_before_them() -> None:
    particles = snow_flakes(2)
    near, far = (
        draw_strongest(
            tabulate_detectable(particles), particles, r * ONES[:20_000], make_generator(0, "test")
        )[0]
        for r in (3.0, 30.0)
    )
    assert (near > 0).mean() < (far > 0).mean()


@pytest.mark.parametrize("name", ["rain", "snowfall"])
def test_attenuation_is_monotone_in_range_and_follows_alpha(name: str, street: Frame) -> None:
    # Bright targets on one ray at 5 .. 40 m: what remains on average is exp(-2 alpha R).
    ranges = np.repeat(np.array([5.0, 10.0, 20.0, 40.0]), 4000)
    points = np.zeros((len(ranges), 5), np.float32)
    points[:, 0], points[:, 3] = ranges, 1.0
    ring = np.zeros(len(ranges), np.int16)
    wall = street.replace(points=points, ring=ring, sweep_index=ring.copy(), elongation=None)
    rate, particles = (100.0, rain_drops(100)) if name == "rain" else (3.0, snow_flakes(3))
    after = corrupt_with(wall, name, rate, seed=1).points
    kept = []
    for r in (5.0, 10.0, 20.0, 40.0):
        at = abs(after[:, 0] - r) < 0.1
        kept.append(after[at, 3].mean())
        assert kept[-1] == pytest.approx(np.exp(-2 * particles.extinction * r), rel=0.08)
    assert (np.diff(kept) < 0).all()
    assert after[:, 3].max() <= 1.0


@pytest.mark.parametrize("name", ["rain", "snowfall"])
def test_every_point_stays_on_its_ray_in_every_sweep(name: str, street: Frame) -> None:
    after = corrupt_with(street, name, 5.0 if name == "snowfall" else 100.0, seed=0)
    ends = street.points[:, :3] - street.sweep_T[street.sweep_index, :3, 3]
    rays = {
        s: ends[street.sweep_index == s]
        / np.linalg.norm(ends[street.sweep_index == s], axis=1)[:, None]
        for s in (0, 1)
    }
    for sweep, clean in rays.items():
        mine = after.points[after.sweep_index == sweep, :3] - street.sweep_T[sweep, :3, 3]
        mine /= np.linalg.norm(mine, axis=1)[:, None]
        assert (mine[::20] @ clean.T).max(axis=1).min() > 1 - 1e-6
        false = (
            np.linalg.norm(
                after.points[after.sweep_index == sweep, :3] - street.sweep_T[sweep, :3, 3], axis=1
            )
            < 3.4
        )
        assert (
            false.any()
        )  # the street's nearest surface is 3.6 m away: both sweeps see drops or flakes


def test_smallest_detectable_drop_by_hand() -> None:
    # At 20 m a beam of 1 cm and 3 mrad is 70 mm wide. A drop of reflectance 0.02 is seen where
    # 0.02 (D / 70 mm)^2 exp(-40 m alpha) / 20^2 reaches 0.9 / 200^2, a target of 90 % at 200 m.
    drops = rain_drops(10)
    table = tabulate_detectable(drops)
    alpha = 3.65e-4 * 10**0.63
    by_hand = 70 * np.sqrt(0.9 / 200**2 * 20**2 * np.exp(40 * alpha) / 0.02)
    assert np.interp(20.0, table.range_m, table.least_mm) == pytest.approx(by_hand, rel=0.01)
