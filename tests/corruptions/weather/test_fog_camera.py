import numpy as np
import pytest

from corruptions.imaging.linear_light import to_linear
from corruptions.weather.fog_camera import estimate_airlight, fog_image, veil_image

MOR_M = 80.0
ALPHA = np.log(20) / MOR_M
WHITE = np.ones(3, np.float32)


def through(range_m: float) -> np.ndarray:
    return np.full((80, 160), np.exp(-ALPHA * range_m), np.float32)


def two_tone() -> np.ndarray:
    """Black below, white above."""
    image = np.zeros((80, 160, 3), np.uint8)
    image[:40] = 255
    return image


@pytest.mark.parametrize(
    ("range_m", "contrast"), [(MOR_M, 0.05), (MOR_M / 2, 0.05**0.5), (2 * MOR_M, 0.0025)]
)
def test_koschmieder_contrast_in_linear_light(range_m: float, contrast: float) -> None:
    # A black object against the airlight keeps the contrast exp(-alpha R), which is 5 % at the
    # visibility.
    foggy = to_linear(fog_image(two_tone(), through(range_m), WHITE))
    black, white = foggy[70, 80], foggy[5, 80]
    assert np.allclose(
        (white - black) / white, contrast, atol=0.004
    )  # a pixel value is 0.009 wide at white


def test_contrast_in_pixel_values_is_not_that() -> None:
    foggy = fog_image(two_tone(), through(MOR_M), WHITE).astype(float)
    assert (foggy[5, 80] - foggy[70, 80])[0] / 255 == pytest.approx(0.0233, abs=0.003)


def test_no_transmission_is_the_airlight_and_full_transmission_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (60, 120, 3)).astype(np.uint8)
    light = estimate_airlight([image])
    far = fog_image(image, np.zeros((60, 120), np.float32), light)
    assert (far == far[0, 0]).all()
    assert np.allclose(to_linear(far[0, 0]), light, atol=0.005)
    assert np.array_equal(fog_image(image, np.ones((60, 120), np.float32), light), image)


def test_airlight_is_the_brightest_part_nearly_grey() -> None:
    image = np.full((100, 200, 3), 40, np.uint8)
    image[:10, :20] = [120, 160, 200]  # exactly one percent
    red, green, blue = to_linear(np.array([120, 160, 200], np.uint8))
    mean = (red + green + blue) / 3
    expected = [0.3 * c + 0.7 * mean for c in (red, green, blue)]
    assert estimate_airlight([image]) == pytest.approx(expected, rel=1e-5)
    # One for the rig: the camera that is off does not count, nor does the one that sees the sun
    # decide.
    sun, off = np.full_like(image, 255), np.zeros_like(image)
    assert estimate_airlight([image, sun, image, off]) == pytest.approx(expected, rel=1e-5)


def test_airlight_is_never_brighter_than_an_overcast_sky() -> None:
    assert estimate_airlight([np.full((50, 100, 3), 255, np.uint8)]) == pytest.approx([0.75] * 3)


def test_cameras_that_are_all_off_stay_black() -> None:
    black = np.zeros((60, 120, 3), np.uint8)
    assert not fog_image(
        black, np.full((60, 120), 0.5, np.float32), estimate_airlight([black, black])
    ).any()
    assert not fog_image(black, np.full((60, 120), 0.5, np.float32), WHITE).any()


def test_airlight_and_transmission_make_one() -> None:
    # An image as bright as the airlight stays as it is, whatever the transmission; the table is
    # within two values of the law.
    rng = np.random.default_rng(0)
    flat = np.full((40, 60, 3), 180, np.uint8)
    transmission = rng.random((40, 60)).astype(np.float32)
    assert (
        abs(veil_image(flat, transmission, estimate_airlight([flat])).astype(int) - 180).max() <= 1
    )
    image = rng.integers(0, 256, (40, 60, 3)).astype(np.uint8)
    light = np.array([0.8, 0.7, 0.9], np.float32)
    exact = to_linear(image) * transmission[..., None] + light * (1 - transmission[..., None])
    encoded = np.where(exact <= 0.0031308, 12.92 * exact, 1.055 * exact ** (1 / 2.4) - 0.055) * 255
    assert abs(veil_image(image, transmission, light) - encoded).max() <= 2.0
    assert np.array_equal(veil_image(image, np.ones((40, 60), np.float32), light), image)
