"""Blurs by lens, zoom and glass: widths of points, flat images, slow references."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from calico.frame import Frame
from corruptions import corrupt, corrupt_with
from corruptions.camera.focus_blur import disc_kernel, normal_kernel
from corruptions.camera.zoom_blur import average_zooms
from corruptions.imaging.linear_light import to_linear, to_pixels

BLURS = ("defocus_blur", "gaussian_blur", "glass_blur", "zoom_blur")


@pytest.mark.parametrize("radius", [2.0, 6.5, 40.0])
def test_disc_has_its_radius(radius: float) -> None:
    kernel = disc_kernel(radius).astype(float)
    v, u = np.indices(kernel.shape) - len(kernel) // 2
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    # The mean square distance from the centre of a disc is half its radius squared; radii are even over a pixel.
    expected = np.sqrt((radius**4 + radius**2 / 2) / (radius**2 + 1 / 12))
    assert np.sqrt(2 * (kernel * (u**2 + v**2)).sum()) == pytest.approx(expected, abs=0.1)
    assert kernel[np.hypot(u, v) < radius - 1] == pytest.approx(kernel.max())


@pytest.mark.parametrize("sigma", [1.0, 12.0])
def test_normal_kernel_has_its_sigma(sigma: float) -> None:
    kernel = normal_kernel(sigma).astype(float)
    u = np.arange(len(kernel)) - len(kernel) // 2
    # Over whole pixels the variance grows by that of a pixel, 1/12; what lies beyond 4 sigma is lost.
    assert (kernel * u**2).sum() == pytest.approx(sigma**2 + 1 / 12, rel=0.02)
    assert kernel.sum() == pytest.approx(1, abs=1e-5)


def test_a_narrow_normal_kernel_is_its_share_of_the_pixels() -> None:
    # 4.78 % of a normal distribution lie more than 0.5 / 0.3 deviations to one side.
    assert normal_kernel(0.3).sum(axis=0) == pytest.approx(
        [0.0, 0.0478, 0.9044, 0.0478, 0.0], abs=1e-4
    )


def test_no_blur_at_zero() -> None:
    for kernel in (disc_kernel(0.0), normal_kernel(0.0)):
        assert kernel.max() == pytest.approx(1.0)


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


def test_zoom_is_the_mean_of_zoomed_copies() -> None:
    # Slow: every copy by itself, from the image, at 2^k even steps of the logarithm.
    rng = np.random.default_rng(0)
    image = np.kron(rng.integers(0, 256, (9, 16, 3)), np.ones((10, 10, 1))).astype(np.uint8)
    linear = to_linear(image).astype(float)
    row, column = np.indices((90, 160)) + 0.5
    copies = []
    for zoom in 1.2 ** np.linspace(0, 1, 16):
        place = [(row - 45) / zoom + 44.5, (column - 80) / zoom + 79.5]
        copies.append(
            np.stack(
                [map_coordinates(linear[..., c], place, order=1, mode="nearest") for c in range(3)],
                -1,
            )
        )
    slow = to_pixels(np.mean(copies, axis=0).astype(np.float32)).astype(float)
    fast = average_zooms(image, 1.2).astype(float)
    assert abs(fast - slow).mean() < 0.03 * abs(slow - image).mean() + 1.0


def test_glass_scatters_by_its_parameter(street: Frame) -> None:
    # A vertical edge gets ragged: its place varies by the scatter from grain to grain, smoothed by the blur.
    image = np.zeros((200, 400, 3), np.uint8)
    image[:, 200:] = 255
    rough = []
    for scatter in (0.002, 0.004, 0.008):
        light = to_linear(
            corrupt_with(street.replace(images=(image,) * 6), "glass_blur", scatter, seed=0).images[
                0
            ]
        )
        rough.append((400 - light[..., 0].sum(axis=1)).std() / 400)
    assert rough[0] < rough[1] < rough[2] < 0.008
