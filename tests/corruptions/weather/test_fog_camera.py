import numpy as np
import pytest

from corruptions.camera.light import to_linear
from corruptions.weather.fog_camera import airlight, fog_image
from corruptions.weather.resample import cell_size, grow, refine, shrink

MOR_M = 80.0
ALPHA = np.log(20) / MOR_M


def two_tone() -> np.ndarray:
    """Black below, white above; the white is the brightest part, so the airlight is white."""
    image = np.zeros((80, 160, 3), np.uint8)
    image[:40] = 255
    return image


@pytest.mark.parametrize(("range_m", "contrast"), [(MOR_M, 0.05), (MOR_M / 2, 0.05**0.5), (2 * MOR_M, 0.0025)])
def test_koschmieder_contrast_in_linear_light(range_m: float, contrast: float) -> None:
    # A black object against the airlight keeps the contrast exp(-alpha R), which is 5 % at the visibility.
    foggy = to_linear(fog_image(two_tone(), np.full((80, 160), range_m, np.float32), ALPHA))
    black, white = foggy[70, 80], foggy[5, 80]
    assert np.allclose((white - black) / white, contrast, atol=0.004)  # a pixel value is 0.009 wide at white


def test_contrast_in_pixel_values_is_not_that() -> None:
    foggy = fog_image(two_tone(), np.full((80, 160), MOR_M, np.float32), ALPHA).astype(float)
    assert (foggy[5, 80] - foggy[70, 80])[0] / 255 == pytest.approx(0.0233, abs=0.003)


def test_sky_is_the_airlight_and_zero_range_is_untouched() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (60, 120, 3)).astype(np.uint8)
    far = fog_image(image, np.full((60, 120), np.inf, np.float32), ALPHA)
    assert (far == far[0, 0]).all()
    assert np.allclose(to_linear(far[0, 0]), airlight(image), atol=0.005)
    assert np.array_equal(fog_image(image, np.zeros((60, 120), np.float32), ALPHA), image)


def test_airlight_is_the_brightest_part_nearly_grey() -> None:
    image = np.full((100, 200, 3), 40, np.uint8)
    image[:10, :20] = [120, 160, 200]  # exactly one percent
    red, green, blue = to_linear(np.array([120, 160, 200], np.uint8))
    mean = (red + green + blue) / 3
    assert airlight(image) == pytest.approx([0.3 * c + 0.7 * mean for c in (red, green, blue)], rel=1e-5)


def test_black_image_stays_black() -> None:
    assert not fog_image(np.zeros((60, 120, 3), np.uint8), np.full((60, 120), 30, np.float32), ALPHA).any()


def test_refined_edge_follows_the_image() -> None:
    # The coarse map's edge is 3 cells from the image's: the result is nearer the map's value on either side of the image's.
    image = np.zeros((100, 800, 3), np.uint8)
    image[:, 400:] = 255
    coarse = np.where(np.arange(400) < 203, 0.2, 0.8).astype(np.float32)
    fine = refine(np.tile(coarse, (50, 1)), image)
    assert fine.shape == (100, 800)
    assert fine[50, 403] - fine[50, 396] > 0.2  # bilinear alone: 0, as the coarse edge is at pixel 406
    assert fine[50, 100] == pytest.approx(0.2, abs=1e-4)
    assert fine[50, 700] == pytest.approx(0.8, abs=1e-4)


def test_no_halo_along_a_roof_against_a_bright_sky() -> None:
    # A contrast of a quarter of white, as of a pale roof against the sky: 2 px from the edge the map is what it is in the middle.
    image = np.full((100, 800, 3), 128, np.uint8)
    image[:, 400:] = 192
    fine = refine(np.tile(np.where(np.arange(400) < 200, 0.8, 0.0).astype(np.float32), (50, 1)), image)
    assert fine[50, 100:398].min() > 0.75
    assert fine[50, 402:700].max() < 0.05


@pytest.mark.parametrize("size", [(90, 160), (450, 803), (900, 1600), (901, 1921)])
def test_cells_cover_images_of_any_size(size: tuple[int, int]) -> None:
    image = np.zeros((*size, 3), np.uint8)
    factor = cell_size(image)
    cells = shrink(image, factor).shape[:2]
    assert cells == (-(-size[0] // factor), -(-size[1] // factor))
    assert grow(np.ones(cells, np.float32), factor, *size).shape == size
    assert refine(np.full(cells, 0.3, np.float32), image) == pytest.approx(0.3, abs=1e-5)
