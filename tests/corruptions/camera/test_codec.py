from __future__ import annotations

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt_with


def test_pixelate_is_the_mean_of_blocks(street: Frame) -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 80, 3)).astype(np.uint8)
    after = corrupt_with(street.replace(images=(image,) * 6), "pixelate", 0.25, seed=0).images[1]
    blocks = image.reshape(10, 4, 20, 4, 3).astype(float).mean(axis=(1, 3))
    assert abs(after - np.kron(blocks, np.ones((4, 4, 1)))).max() <= 1.0  # two rounded passes
    assert np.array_equal(corrupt_with(street, "pixelate", 1.0, seed=0).images[0], street.images[0])


def test_jpeg_works_in_blocks_of_8(street: Frame) -> None:
    # At the lowest quality, the steps between blocks stand out over those within.
    ramp = np.tile(np.linspace(0, 255, 160).astype(np.uint8)[:, None], (96, 1, 3)).reshape(
        96, 160, 3
    )
    after = (
        corrupt_with(street.replace(images=(ramp,) * 6), "jpeg", 1, seed=0).images[0].astype(float)
    )
    steps = abs(np.diff(after.mean(axis=2), axis=1)).mean(axis=0)
    assert steps[7::8].mean() > 5 * np.delete(steps, slice(7, None, 8)).mean()


def test_jpeg_at_the_best_quality_is_nearly_the_image(street: Frame) -> None:
    grey = np.full((96, 160, 3), 99, np.uint8)
    after = corrupt_with(street.replace(images=(grey,) * 6), "jpeg", 95, seed=0).images[0]
    assert after.astype(float) == pytest.approx(99, abs=1)
