from __future__ import annotations

import numpy as np

from corruptions.camera.frost import draw_needles, grow_ice


def test_ice_is_thicker_at_the_edges() -> None:
    rng = np.random.default_rng(0)
    ice = np.mean([grow_ice(draw_needles(90, 160, rng), 0.4, rng) for _ in range(6)], axis=0)
    assert ice[30:60, 50:110].mean() < 0.5 * ice.mean()
