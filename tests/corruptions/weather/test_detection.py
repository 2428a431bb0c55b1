import numpy as np
import pytest

from corruptions.rng import make_generator
from corruptions.weather.detection import (
    FLOOR,
    detection_probability,
    draw_range_noise,
    received_power,
    reflectance_gain,
    to_reflectance,
)


def test_detection() -> None:
    clear = np.geomspace(FLOOR / 100, FLOOR * 1e4, 200).astype(np.float32)
    assert detection_probability(clear, np.ones(200)) == pytest.approx(np.ones(200))
    half, tenth = (
        detection_probability(clear, np.full(200, 0.5)),
        detection_probability(clear, np.full(200, 0.1)),
    )
    assert (tenth <= half).all()
    assert (half < 1).any()
    assert half[-1] == pytest.approx(1.0, abs=1e-6)
    assert (np.diff(half) > -1e-12).all()  # the stronger, the safer
    at_floor = detection_probability(np.array([FLOOR], np.float32), np.array([np.exp(-0.5)]))
    assert at_floor[0] == pytest.approx(0.1586553 / 0.5, rel=1e-3)  # Phi(-1) / Phi(0)


def test_range_noise_is_what_the_weaker_echo_adds() -> None:
    # SNR from 4 to 1: variances 0.09^2 / 2 and 0.09^2 / 8.
    error = draw_range_noise(
        np.full(200_000, 4 * FLOOR, np.float32), np.full(200_000, 0.25), make_generator(0, "noise")
    )
    assert error.std() == pytest.approx(0.09 * np.sqrt(1 / 2 - 1 / 8), rel=0.01)
    assert not draw_range_noise(
        np.full(9, 4 * FLOOR, np.float32), np.ones(9), make_generator(0, "noise")
    ).any()


def test_gain_makes_the_median_point_a_fifth() -> None:
    intensity = np.array([0.0, 0.01, 0.02, 0.03, 0.9], np.float32)
    assert to_reflectance(intensity, reflectance_gain(intensity))[2] == pytest.approx(0.2)
    assert received_power(
        to_reflectance(intensity, reflectance_gain(intensity)), np.full(5, 10.0, np.float32)
    )[2] == pytest.approx(0.002)
    assert reflectance_gain(intensity[:0]) == 1.0
