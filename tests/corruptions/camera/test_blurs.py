"""Blurs by lens, zoom and glass: widths of points, flat images, slow references."""

from __future__ import annotations

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt
from corruptions.imaging.linear_light import to_linear

BLURS = ("defocus_blur", "gaussian_blur", "glass_blur", "zoom_blur")


@pytest.mark.parametrize("name", BLURS)
def test_flat_image_stays(street: Frame, name: str) -> None:
    flat = street.replace(images=(np.full((70, 123, 3), 90, np.uint8),) * 6)
    assert abs(corrupt(flat, name, 5, seed=0).images[0].astype(int) - 90).max() <= 1


@pytest.mark.parametrize("name", BLURS)
def test_light_is_kept(street: Frame, name: str) -> None:
    # A white square in the middle of black spreads, but its linear light stays the same.
    image = np.zeros((144, 256, 3), np.uint8)
    image[62:82, 118:138] = 255
    before = to_linear(image).sum()
    after = to_linear(corrupt(street.replace(images=(image,) * 6), name, 3, seed=0).images[0]).sum()
    gain = 1.2 if name == "zoom_blur" else 1.0  # mean over z of z^2, log-even from 1 to 1.2
    assert after / before == pytest.approx(
        gain if gain == 1 else (gain**2 - 1) / (2 * np.log(gain)), rel=0.06
    )


@pytest.mark.parametrize("name", BLURS)
def test_looks_alike_at_another_resolution(street: Frame, name: str) -> None:
    # The same scene at twice the resolution, blurred, then halved, is the blurred scene.
    small = np.kron(
        np.random.default_rng(0).integers(0, 256, (12, 32, 3)), np.ones((16, 16, 1))
    ).astype(np.uint8)
    large = np.kron(small, np.ones((2, 2, 1))).astype(np.uint8)
    blurred = [
        to_linear(corrupt(street.replace(images=(image,) * 6), name, 4, seed=0).images[0])
        for image in (small, large)
    ]
    halved = blurred[1].reshape(192, 2, 512, 2, 3).mean(axis=(1, 3))
    assert abs(halved - blurred[0]).mean() < 0.06 * abs(
        to_linear(small) - blurred[0]
    ).mean() + 0.003 * (3 if name == "glass_blur" else 1)
