import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt_with
from corruptions.imaging.linear_light import to_linear
from corruptions.rng import Streams
from corruptions.weather.particles import rain_drops, snow_flakes
from corruptions.weather.precipitation import scene_wind


def test_wind_lasts_for_a_scene() -> None:
    wind = [
        scene_wind(Streams(0, scene, token, "rain", v))
        for scene, token, v in (("a", "1", 5), ("a", "2", 50), ("b", "1", 5))
    ]
    assert np.array_equal(wind[0], wind[1])
    assert not np.array_equal(wind[0], wind[2])
    assert 1 <= np.linalg.norm(wind[0]) <= 4


@pytest.mark.parametrize(
    ("name", "rate", "alpha"),
    [("rain", 100.0, rain_drops(100).extinction), ("snowfall", 2.0, snow_flakes(2).extinction)],
)
def test_precipitation_has_one_extinction(
    street: Frame, name: str, rate: float, alpha: float
) -> None:
    # A black road under a white sky, no points: at row 64 the road is 1.5 m * |ray| / down away.
    # Single drops add a little.
    image = np.zeros((96, 160, 3), np.uint8)
    image[:46] = 255
    none = street.points[:0], street.ring[:0], street.sweep_index[:0]
    blind = street.replace(
        points=none[0], ring=none[1], sweep_index=none[2], elongation=None, images=(image,) * 6
    )
    seen = to_linear(corrupt_with(blind, name, rate, seed=0).images[0])
    down = (64 - 47.5) / street.camera_K[0, 1, 1]
    transmission = 1 - np.median(seen[64, :, 0]) / seen[5, 80, 0]
    assert -np.log(transmission) == pytest.approx(
        alpha * 1.5 * np.sqrt(1 + down**2) / down, rel=0.2
    )
    # The wall 40 m ahead: intensity of its echoes in both sweeps.
    after = corrupt_with(street, name, rate, seed=0)
    for sweep in (0, 1):
        old = street.points[(street.sweep_index == sweep) & (abs(street.points[:, 0] - 40) < 0.01)]
        new = after.points[(after.sweep_index == sweep) & (abs(after.points[:, 0] - 40) < 0.2)]
        assert len(new) > 0.4 * len(old)
        assert new[:, 3].mean() / old[:, 3].mean() == pytest.approx(
            np.exp(-2 * alpha * 40), rel=0.1
        )


def test_the_sky_lies_behind_600_m_of_rain(street: Frame) -> None:
    # A white sky over a black road: L = t + 0.75 (1 - t) with t = exp(-alpha 600 m / sine). The
    # median of a row passes over single drops.
    image = np.zeros((96, 160, 3), np.uint8)
    image[:46] = 255
    none = street.points[:0], street.ring[:0], street.sweep_index[:0]
    blind = street.replace(
        points=none[0], ring=none[1], sweep_index=none[2], elongation=None, images=(image,) * 6
    )
    seen = np.median(to_linear(corrupt_with(blind, "rain", 2.0, seed=0).images[0])[5, 70:91, 0])
    up = (47.5 - 5) / street.camera_K[0, 1, 1]
    sine = up / np.sqrt(1 + up**2)
    transmission = np.exp(-3.65e-4 * 2.0**0.63 * 600 / sine)
    assert seen == pytest.approx(transmission + 0.75 * (1 - transmission), abs=0.01)
