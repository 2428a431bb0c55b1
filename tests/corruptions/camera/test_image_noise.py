"""Moments of the noise against the distributions that its source states, on flat grey far from clipping."""

from __future__ import annotations

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt_with
from corruptions.camera.iso_noise import (
    READ_NOISE_ELECTRONS,
    WHITE_ELECTRONS_AT_ISO_100,
    draw_electrons,
)
from corruptions.camera.pixel_noise import OUTCOMES
from corruptions.imaging.linear_light import LINEAR, decode_srgb


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


@pytest.mark.parametrize("iso", [3200.0, 51200.0])
def test_iso_noise_is_photon_transfer(iso: float) -> None:
    # EMVA 1288: variance = mean + read noise^2 in electrons, whatever the gain.
    electrons, white = draw_electrons(iso, np.random.default_rng(0))
    assert white == WHITE_ELECTRONS_AT_ISO_100 * 100 / iso
    mean = white * LINEAR[[0, 100, 255]].astype(float)
    variance = mean + READ_NOISE_ELECTRONS**2
    assert electrons[[0, 100, 255]].mean(axis=1) == pytest.approx(
        mean, abs=5 * float(np.sqrt(variance.max() / OUTCOMES))
    )
    assert electrons[[0, 100, 255]].var(axis=1) == pytest.approx(variance, rel=0.1)


def test_iso_keeps_the_exposure(street: Frame) -> None:
    light = decode_srgb(noisy(street, "iso_noise", 6400, 128) / 255)
    assert light.mean() == pytest.approx(float(decode_srgb(np.array(128 / 255))), rel=0.01)
    expected = light.mean() / np.sqrt(light.mean() * 156.25 + 4) * 156.25
    assert light.mean() / light.std() == pytest.approx(expected, rel=0.02)
