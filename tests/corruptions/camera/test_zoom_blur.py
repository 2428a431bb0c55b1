from __future__ import annotations

import numpy as np
from scipy.ndimage import map_coordinates

from corruptions.camera.zoom_blur import average_zooms
from corruptions.imaging.linear_light import to_linear, to_pixels


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
