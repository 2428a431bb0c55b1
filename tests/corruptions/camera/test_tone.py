"""Tones against the pixel formulas of their sources, computed pixel by pixel with colorsys."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt_with


def colours() -> np.ndarray:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    image[0, :4] = [[0, 0, 0], [255, 255, 255], [90, 90, 90], [255, 0, 0]]
    return image


def run(street: Frame, name: str, value: float) -> np.ndarray:
    return (
        corrupt_with(street.replace(images=(colours(),) * 6), name, value, seed=0)
        .images[0]
        .astype(float)
    )


@pytest.mark.parametrize("rise", [0.0, 0.1, 0.5])
def test_brightness_raises_the_hsv_value(street: Frame, rise: float) -> None:
    expected = []
    for pixel in colours().reshape(-1, 3) / 255:
        hue, saturation, value = colorsys.rgb_to_hsv(*pixel)
        expected.append(colorsys.hsv_to_rgb(hue, saturation, min(value + rise, 1.0)))
    assert (
        abs(run(street, "brightness", rise).reshape(-1, 3) - 255 * np.array(expected)).max()
        <= 0.5 + 1e-9
    )


@pytest.mark.parametrize("gain", [0.0, 0.3, 1.0, 2.0, 20.0])
def test_saturate_multiplies_the_hsv_saturation(street: Frame, gain: float) -> None:
    expected = []
    for pixel in colours().reshape(-1, 3) / 255:
        hue, saturation, value = colorsys.rgb_to_hsv(*pixel)
        expected.append(colorsys.hsv_to_rgb(hue, min(saturation * gain, 1.0), value))
    assert (
        abs(run(street, "saturate", gain).reshape(-1, 3) - 255 * np.array(expected)).max() <= 0.51
    )


def test_contrast_keeps_the_mean_and_scales_the_spread(street: Frame) -> None:
    image = colours().astype(float)
    after = run(street, "contrast", 0.2)
    assert after.mean(axis=(0, 1)) == pytest.approx(image.mean(axis=(0, 1)), abs=0.1)
    assert after.std(axis=(0, 1)) == pytest.approx(0.2 * image.std(axis=(0, 1)), rel=0.01)
    assert np.array_equal(run(street, "contrast", 1.0), image)


@pytest.mark.parametrize(("bits", "levels"), [(1, 2), (2, 4), (5, 32), (8, 256)])
def test_color_quant_gives_the_nearest_of_its_levels(street: Frame, bits: int, levels: int) -> None:
    after = run(street, "color_quant", bits)
    grid = np.arange(levels) * 255 / (levels - 1)
    assert set(np.unique(after)) <= set(np.rint(grid))
    assert abs(after - colours()).max() <= 255 / (levels - 1) / 2 + 0.5
    assert {0.0, 255.0} <= set(np.unique(after))
