import numpy as np
import pytest

from corruptions.imaging.warp import sample_bilinear, warp_image


def ramp() -> np.ndarray:
    """(40, 60, 3) values 2 row + column, in every colour."""
    v, u = np.indices((40, 60))
    return np.repeat((2 * v + u).astype(np.uint8)[..., None], 3, axis=-1)


def test_a_whole_shift_takes_the_value_from_there() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)
    shift = np.full((40, 60), 3.0, np.float32), np.full((40, 60), -2.0, np.float32)
    moved = warp_image(image, *shift)
    assert np.array_equal(moved[:36, 2:], image[3:39, :58])
    assert np.array_equal(moved[:36, 0], image[3:39, 0])  # beyond the edge, the edge


@pytest.mark.parametrize(("row", "column"), [(3.25, 7.5), (0.0, 0.0), (38.9, 58.9)])
def test_bilinear_is_exact_on_a_plane(row: float, column: float) -> None:
    at = np.array([row], np.float32), np.array([column], np.float32)
    assert sample_bilinear(ramp(), *at)[0] == pytest.approx(2 * row + column, abs=0.51)
