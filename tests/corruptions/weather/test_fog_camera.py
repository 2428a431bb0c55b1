import numpy as np
import pytest

from corruptions.imaging.linear_light import to_linear
from corruptions.imaging.resample import cell_size, grow_map, refine_map, shrink_image
from corruptions.weather.fog_camera import estimate_airlight, fog_image

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
    # A black object against the airlight keeps the contrast exp(-alpha R), which is 5 % at the visibility.
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
    # One for the rig: the camera that is off does not count, nor does the one that sees the sun decide.
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


def test_refined_edge_follows_the_image() -> None:
    # The coarse map's edge is 3 cells from the image's: the result is nearer the map's value on either side of the image's.
    image = np.zeros((100, 800, 3), np.uint8)
    image[:, 400:] = 255
    coarse = np.where(np.arange(400) < 203, 0.2, 0.8).astype(np.float32)
    fine = refine_map(np.tile(coarse, (50, 1)), image)
    assert fine.shape == (100, 800)
    assert (
        fine[50, 403] - fine[50, 396] > 0.2
    )  # bilinear alone: 0, as the coarse edge is at pixel 406
    assert fine[50, 100] == pytest.approx(0.2, abs=1e-4)
    assert fine[50, 700] == pytest.approx(0.8, abs=1e-4)


def test_no_halo_along_a_roof_against_a_bright_sky() -> None:
    # A contrast of a quarter of white, as of a pale roof against the sky: 2 px from the edge the map is what it is in the middle.
    image = np.full((100, 800, 3), 128, np.uint8)
    image[:, 400:] = 192
    fine = refine_map(
        np.tile(np.where(np.arange(400) < 200, 0.8, 0.0).astype(np.float32), (50, 1)), image
    )
    assert fine[50, 100:398].min() > 0.75
    assert fine[50, 402:700].max() < 0.05


@pytest.mark.parametrize("size", [(90, 160), (450, 803), (900, 1600), (901, 1921)])
def test_cells_cover_images_of_any_size(size: tuple[int, int]) -> None:
    image = np.zeros((*size, 3), np.uint8)
    factor = cell_size(image)
    cells = shrink_image(image, factor).shape[:2]
    assert cells == (-(-size[0] // factor), -(-size[1] // factor))
    assert grow_map(np.ones(cells, np.float32), factor, *size).shape == size
    assert refine_map(np.full(cells, 0.3, np.float32), image) == pytest.approx(0.3, abs=1e-5)
