from __future__ import annotations

import numpy as np

from corruptions.camera.rain_drops import add_drops, place_drops


def test_drops_show_the_scene_upside_down() -> None:
    # Bright above, dark below: inside a drop it is the other way round.
    image = np.full((400, 640, 3), 30, np.uint8)
    image[:200] = 220
    rng = np.random.default_rng(4)
    after = add_drops(image, 0.02, np.random.default_rng(4)).astype(float)
    found = place_drops(400, 640, 0.02, rng)
    row, column, high, _ = found[np.argmin(abs(found[:, 0] - 200))]
    assert high > 3
    up, down = (after[int(row + side * 0.4 * high), int(column), 0] for side in (-1, 1))
    assert down > up + 50
