import numpy as np
import pytest

from corruptions.imaging.resample import cell_size, grow_map, refine_map, shrink_image


def test_refined_edge_follows_the_image() -> None:
    # The coarse map's edge is 3 cells from the image's: the result is nearer the map's value on
    # either side of the image's.
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
    # A contrast of a quarter of white, as of a pale roof against the sky: 2 px from the edge the
    # map is what it is in the middle.
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
