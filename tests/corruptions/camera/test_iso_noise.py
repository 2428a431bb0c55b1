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
