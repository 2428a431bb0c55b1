import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt_with
from corruptions.weather.detection import FLOOR, detection_probability, received_power
from corruptions.weather.water_film import covered_share
from corruptions.weather.wet_ground import noise_floor, on_ground, wet_return


@pytest.mark.parametrize("film", [0.2, 0.6, 1.2])
def test_the_echo_falls_towards_grazing_incidence(film: float) -> None:
    kept = wet_return(np.cos(np.radians(np.arange(0, 91))), covered_share(film))
    assert (np.diff(kept) < 1e-12).all()
    assert kept[90] == pytest.approx(1 - covered_share(film))


def test_grazing_ground_returns_are_lost_first_and_nothing_else(street: Frame) -> None:
    after = corrupt_with(street, "wet_ground", 1.2, seed=0)
    kept = np.zeros(len(street.points), np.bool_)
    index = {tuple(p): i for i, p in enumerate(street.points[:, :3])}
    rows = np.array([index[tuple(p)] for p in after.points[:, :3]])  # no point moves
    kept[rows] = True
    ground = on_ground(street)
    assert kept[~ground].all()
    assert np.array_equal(after.points[~ground[rows], 3], street.points[rows][~ground[rows], 3])
    reach = np.linalg.norm(street.points[:, :3], axis=1)
    near, far = ground & (reach < 8), ground & (reach > 20)
    assert kept[near].mean() > 0.99
    assert kept[far].mean() < 0.8


def test_the_floor_is_found_from_the_weakest_ground_echoes() -> None:
    # Ground of reflectance 0.2 up to 30 m: no dry echo is near the floor of `detection`, but a
    # sensor that reports none beyond 30 m has a higher one. An echo at 30 m that keeps 0.7 of its
    # power is then even odds, against certain survival before.
    clear = received_power(
        np.full(1000, 0.2, np.float32), np.linspace(5, 30, 1000, dtype=np.float32)
    )
    floor = noise_floor(clear)
    assert floor == pytest.approx(0.7 * 0.2 / 30**2, rel=0.02)
    dry = detection_probability(clear[-1:], np.array([0.7]), floor) * detection_probability(
        clear[-1:], np.ones(1), floor
    )
    assert dry[0] == pytest.approx(0.5 / 0.762, abs=0.02)  # Phi(0) / Phi(log(1 / 0.7) / 0.5)
    assert detection_probability(clear[-1:], np.array([0.7]))[0] > 0.99
    assert (
        detection_probability(clear[:1], np.array([0.3]), floor)[0] > 0.999
    )  # near echoes stand far above it
    assert noise_floor(clear[:0]) == noise_floor(clear / 100) == FLOOR
