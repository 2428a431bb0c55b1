"""Moments of the noise against the distributions that its source states, on flat grey far from
clipping.
"""

from __future__ import annotations

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt_with


def noisy(street: Frame, name: str, value: float, grey: int) -> np.ndarray:
    flat = street.replace(images=(np.full((300, 300, 3), grey, np.uint8),) * 6)
    return corrupt_with(flat, name, value, seed=0).images[2].astype(float)


@pytest.mark.parametrize(
    ("name", "value", "sigma"),
    [
        ("gaussian_noise", 0.08, 255 * 0.08),
        ("gaussian_noise", 0.12, 255 * 0.12),
        ("uniform_noise", 0.26, 255 * 0.26 / np.sqrt(3)),
        ("speckle_noise", 0.20, 0.20 * 128),
        ("shot_noise", 60, np.sqrt(60 * 128 / 255) * 255 / 60),
    ],
)
def test_mean_and_deviation(street: Frame, name: str, value: float, sigma: float) -> None:
    image = noisy(street, name, value, 128)
    assert image.mean() == pytest.approx(128, abs=0.02 * sigma)
    assert image.std() == pytest.approx(sigma, rel=0.01)


def test_shape_of_the_distributions(street: Frame) -> None:
    normal = (noisy(street, "gaussian_noise", 0.1, 128) - 128) / 25.5
    assert (abs(normal) < 1).mean() == pytest.approx(0.683, abs=0.015)
    assert (abs(normal) > 2).mean() == pytest.approx(0.0455, abs=0.005)
    even = noisy(street, "uniform_noise", 0.2, 128) - 128
    assert abs(even).max() == pytest.approx(51, abs=1)
    assert np.histogram(even, 10)[0] == pytest.approx(len(even) ** 2 * 3 / 10, rel=0.1)
    counts = np.unique(noisy(street, "shot_noise", 5, 100))
    assert counts == pytest.approx([0, 51, 102, 153, 204, 255])  # whole photons


def test_black_stays_black_under_speckle_and_shot_noise(street: Frame) -> None:
    assert not noisy(street, "speckle_noise", 0.6, 0).any()
    assert not noisy(street, "shot_noise", 3, 0).any()
    assert noisy(street, "gaussian_noise", 0.1, 0).any()


@pytest.mark.parametrize("share", [0.0, 0.03, 0.27, 1.0])
def test_impulses_are_half_white_half_black(street: Frame, share: float) -> None:
    image = noisy(street, "impulse_noise", share, 77)
    assert (image == 0).mean() == pytest.approx(share / 2, abs=0.003)
    assert (image == 255).mean() == pytest.approx(share / 2, abs=0.003)
    assert set(np.unique(image)) <= {0, 77, 255}
    hit = image != 77
    assert (hit[..., 0] & hit[..., 1]).mean() == pytest.approx(
        share**2, abs=0.01
    )  # each colour by itself
