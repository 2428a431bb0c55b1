import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt_with
from corruptions.camera.motion_blur import line_kernel
from corruptions.imaging.convolution import blur_image
from corruptions.imaging.linear_light import to_linear


@pytest.mark.parametrize("length", [0.0, 0.9, 5.0, 24.0])
@pytest.mark.parametrize("angle", [0.0, 0.7, np.pi / 2, 2.5])
def test_line_has_its_length_direction_and_unit_sum(length: float, angle: float) -> None:
    kernel = line_kernel(length, angle).astype(float)
    assert kernel.sum() == pytest.approx(1.0, abs=1e-6)
    v, u = np.indices(kernel.shape) - len(kernel) // 2
    along, across = u * np.cos(angle) + v * np.sin(angle), v * np.cos(angle) - u * np.sin(angle)
    assert (kernel * along).sum() == pytest.approx(0.0, abs=1e-3)
    # A uniform line has the variance length^2 / 12; bilinear spreading adds at most a quarter
    # pixel^2 (twice that diagonally).
    assert length**2 / 12 - 0.02 <= (kernel * along**2).sum() <= length**2 / 12 + 0.5
    assert (kernel * across**2).sum() <= 0.5


def test_flat_image_stays() -> None:
    image = np.full((30, 50, 3), 90, np.uint8)
    assert np.array_equal(blur_image(image, line_kernel(12.0, 1.0)), image)


def test_smear_is_a_share_of_the_width(street: Frame) -> None:
    # One bright pixel becomes a line of 5 % of 160 px.
    image = np.zeros((96, 160, 3), np.uint8)
    image[48, 80] = 255
    spread = to_linear(
        corrupt_with(street.replace(images=(image,) * 6), "motion_blur", 0.05, seed=0).images[3]
    )[..., 0]
    v, u = np.nonzero(spread)
    assert np.hypot(np.ptp(u), np.ptp(v)) == pytest.approx(8, abs=2)
    assert spread.sum() == pytest.approx(1.0, rel=0.1)


def test_cameras_shake_each_in_its_own_direction(street: Frame) -> None:
    same = street.replace(images=(street.images[0],) * 6)
    after = corrupt_with(same, "motion_blur", 0.03, seed=0).images
    assert len({image.tobytes() for image in after}) == 6


def test_directions_come_from_the_whole_half_circle(street: Frame) -> None:
    # The direction is that of the greatest variance of what one white pixel becomes.
    image = np.zeros((64, 64, 3), np.uint8)
    image[32, 32] = 255
    v, u = np.indices((64, 64)) - 32
    quarters = set()
    for frame in (street.replace(images=(image,) * 6, token=f"t{number}") for number in range(40)):
        spread = to_linear(corrupt_with(frame, "motion_blur", 0.3, seed=0).images[0])[
            ..., 0
        ].astype(float)
        across, down, both = ((spread * part).sum() for part in (u * u, v * v, u * v))
        quarters.add(int(0.5 * np.arctan2(2 * both, across - down) % np.pi // (np.pi / 4)))
    assert quarters == {0, 1, 2, 3}
