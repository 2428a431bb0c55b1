import numpy as np
import pytest

from corruptions.weather.water_film import (
    DIFFUSE_REFLECTANCE,
    covered_share,
    fresnel_reflectance,
    wet_darkening,
)


def test_fresnel_against_known_values() -> None:
    # ((n - 1) / (n + 1))^2 straight down; 34.8 % at 80 degrees for water; all at grazing incidence.
    assert fresnel_reflectance(np.array([1.0]))[0] == pytest.approx((0.33 / 2.33) ** 2, rel=1e-9)
    assert fresnel_reflectance(np.cos(np.radians([80.0])))[0] == pytest.approx(0.348, abs=0.003)
    assert fresnel_reflectance(np.array([0.0]))[0] == pytest.approx(1.0)
    brewster = np.arctan(1.33)
    across = (np.sin(brewster - (np.pi / 2 - brewster)) / np.sin(np.pi / 2)) ** 2
    assert fresnel_reflectance(np.cos([brewster]))[0] == pytest.approx(across / 2, rel=1e-9)


def test_wet_is_darker_and_energy_is_kept() -> None:
    cosine = np.linspace(0, 1, 50)
    passed = 1 - fresnel_reflectance(cosine)
    assert (wet_darkening(passed, passed) < 1).all()
    assert (wet_darkening(passed, passed) + fresnel_reflectance(cosine) <= 1).all()
    # Wet asphalt seen from above is about half as bright as dry (Lekner & Dorf 1988; Twomey 1986).
    assert 0.45 < wet_darkening(1.0, np.ones(1))[0] < 0.65
    assert covered_share(0.6) == pytest.approx(0.5)
    assert covered_share(9.0) == 1.0


def test_brightness_of_a_wet_road_from_above_by_hand() -> None:
    # 0.934 of the sky's light enters, 0.98 of what leaves upwards gets out, over a solid angle that
    # grows by 1.33^2; 0.48 of 0.15 goes to and fro: 0.934 0.98 / 1.769 / 0.928 (Lekner & Dorf).
    leaving = 1 - fresnel_reflectance(np.array([1.0]))
    by_hand = 0.934 * (1 - (0.33 / 2.33) ** 2) / 1.33**2 / (1 - 0.15 * 0.48)
    assert by_hand == pytest.approx(0.5576, abs=1e-3)
    assert wet_darkening(1 - DIFFUSE_REFLECTANCE, leaving) == pytest.approx(by_hand, rel=1e-3)
