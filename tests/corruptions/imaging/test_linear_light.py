import numpy as np
import pytest

from corruptions.imaging.linear_light import decode_srgb, encode_srgb, to_linear, to_pixels


def test_srgb_known_values() -> None:
    # IEC 61966-2-1: the mid grey of 18 % reflectance is pixel value 118; 0.5 is 0.2140 in linear
    # light.
    assert decode_srgb(np.array([0.0, 0.5, 1.0])) == pytest.approx([0.0, 0.21404, 1.0], abs=1e-5)
    assert 255 * encode_srgb(np.array([0.18])) == pytest.approx([117.6], abs=0.1)


def test_linear_round_trip_is_exact() -> None:
    pixels = np.arange(256, dtype=np.uint8)
    assert np.array_equal(to_pixels(to_linear(pixels)), pixels)
    assert to_pixels(np.array([-0.5, 2.0], np.float32)).tolist() == [0, 255]
