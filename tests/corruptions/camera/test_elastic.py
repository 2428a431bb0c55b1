from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import map_coordinates

from corruptions.camera.elastic import CORRELATION, smooth_field
from corruptions.imaging.warp import warp_image


@pytest.mark.parametrize("shape", [(90, 160), (450, 800)])
def test_field_has_its_size_and_correlation(shape: tuple[int, int]) -> None:
    field = smooth_field(*shape, 3.0, np.random.default_rng(0)).astype(float)
    assert field.shape == shape
    assert np.sqrt((field**2).mean()) == pytest.approx(3.0, rel=1e-4)
    # Noise through a normal filter of deviation s correlates as exp(-d^2 / (4 s^2)).
    off = round(2 * CORRELATION * shape[1])
    ratio = (field[:, off:] * field[:, :-off]).mean() / (field**2).mean()
    assert ratio == pytest.approx(np.exp(-((off / CORRELATION / shape[1]) ** 2) / 4), abs=0.12)


def test_warp_is_bilinear_sampling() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (40, 61, 3)).astype(np.uint8)
    down, right = (rng.normal(0, 3, (40, 61)).astype(np.float32) for _ in range(2))
    row, column = np.indices((40, 61)).astype(float)
    place = [np.clip(row + down, 0, 39), np.clip(column + right, 0, 60)]
    slow = np.stack(
        [map_coordinates(image[..., c].astype(float), place, order=1) for c in range(3)], axis=-1
    )
    assert (
        abs(warp_image(image, down, right) - slow).max() <= 0.8
    )  # rounding, and 0.001 px of the edge


def test_no_shift_is_no_change() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    none = np.zeros((20, 30), np.float32)
    assert np.array_equal(warp_image(image, none, none)[:-1, :-1], image[:-1, :-1])
