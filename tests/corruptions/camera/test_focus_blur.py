from __future__ import annotations

import numpy as np
import pytest

from corruptions.camera.focus_blur import disc_kernel, normal_kernel


@pytest.mark.parametrize("radius", [2.0, 6.5, 40.0])
def test_disc_has_its_radius(radius: float) -> None:
    kernel = disc_kernel(radius).astype(float)
    v, u = np.indices(kernel.shape) - len(kernel) // 2
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    # The mean square distance from the centre of a disc is half its radius squared; radii are even
    # over a pixel.
    expected = np.sqrt((radius**4 + radius**2 / 2) / (radius**2 + 1 / 12))
    assert np.sqrt(2 * (kernel * (u**2 + v**2)).sum()) == pytest.approx(expected, abs=0.1)
    assert kernel[np.hypot(u, v) < radius - 1] == pytest.approx(kernel.max())


@pytest.mark.parametrize("sigma", [1.0, 12.0])
def test_normal_kernel_has_its_sigma(sigma: float) -> None:
    kernel = normal_kernel(sigma).astype(float)
    u = np.arange(len(kernel)) - len(kernel) // 2
    # Over whole pixels the variance grows by that of a pixel, 1/12; what lies beyond 4 sigma is
    # lost.
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
