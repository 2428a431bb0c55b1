"""The light of a scene."""

from __future__ import annotations

import numpy as np

from calico.data.sim.light import draw_light


def test_lights_vary() -> None:
    assert {draw_light(np.random.default_rng(seed)).name for seed in range(60)} == {
        "clear",
        "overcast",
        "low_sun",
        "night",
    }
