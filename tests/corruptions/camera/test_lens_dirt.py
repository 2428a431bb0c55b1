from __future__ import annotations

import numpy as np

from calico.frame import Frame
from corruptions import corrupt_with
from corruptions.imaging.linear_light import to_linear


def test_dirt_is_opaque_in_places_and_a_veil_in_others(street: Frame) -> None:
    # Of a fine chequer of black and white behind the lens: contrast gone, reduced, and whole.
    chequer = (
        (np.indices((192, 320)).sum(axis=0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, axis=2)
    )
    light = to_linear(
        corrupt_with(street.replace(images=(chequer,) * 6), "lens_dirt", 0.3, seed=0).images[0]
    )[..., 0]
    contrast = abs(light[:, 1:] - light[:, :-1]).ravel()
    assert (contrast > 0.95).mean() > 0.5
    assert (contrast < 0.1).mean() > 0.02
    assert ((contrast > 0.3) & (contrast < 0.65)).mean() > 0.02
