import numpy as np
from scipy.ndimage import convolve

from corruptions.camera.motion_blur import line_kernel
from corruptions.imaging.convolution import blur_image
from corruptions.imaging.linear_light import to_linear, to_pixels


def test_blur_is_a_convolution_in_linear_light() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (40, 61, 3)).astype(np.uint8)
    kernel = line_kernel(9.0, 0.4)
    slow = np.stack(
        [convolve(to_linear(image[..., c]), kernel, mode="nearest") for c in range(3)], axis=-1
    )
    assert abs(blur_image(image, kernel).astype(int) - to_pixels(slow)).max() <= 1
