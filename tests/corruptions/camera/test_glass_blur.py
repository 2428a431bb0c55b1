from __future__ import annotations

import numpy as np

from calico.frame import Frame
from corruptions import corrupt_with
from corruptions.imaging.linear_light import to_linear


def test_glass_scatters_by_its_parameter(street: Frame) -> None:
    # A vertical edge gets ragged: its place varies by the scatter from grain to grain, smoothed by
    # the blur.
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
