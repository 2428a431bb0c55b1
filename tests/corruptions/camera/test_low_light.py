import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt, corrupt_with
from corruptions.camera.low_light import draw_electrons
from corruptions.camera.pixel_noise import OUTCOMES
from corruptions.imaging.linear_light import decode_srgb


@pytest.mark.parametrize("scale", [0.6, 0.1])
def test_electrons_have_the_noise_that_the_loss_adds(scale: float) -> None:
    # Binomial thinning of n electrons: mean s n, variance s (1 - s) n; read noise of variance 16 (1
    # - s^2).
    electrons = draw_electrons(scale, np.random.default_rng(0))
    assert electrons.shape == (256, OUTCOMES)
    before = 10_000 * decode_srgb(np.array([0, 128, 255]) / 255)
    variance = scale * (1 - scale) * before + 16 * (1 - scale**2)
    bound = 5 * float(np.sqrt(variance.max() / OUTCOMES)) + 0.5
    assert electrons[[0, 128, 255]].mean(axis=1) == pytest.approx(scale * before, abs=bound)
    assert electrons[[0, 128, 255]].var(axis=1) == pytest.approx(variance, rel=0.1)


@pytest.mark.parametrize("share", [0.5, 0.14, 0.07])
def test_the_parameter_is_the_share_of_the_linear_light(street: Frame, share: float) -> None:
    grey = street.replace(images=(np.full((200, 200, 3), 200, np.uint8),) * 6)
    after = corrupt_with(grey, "low_light", share, seed=0)
    left = decode_srgb(after.images[0] / 255).mean() / decode_srgb(np.array(200 / 255))
    assert left == pytest.approx(share, rel=0.01)
    assert not np.array_equal(after.images[0], after.images[1])  # every camera has its own noise


def test_all_of_the_light_is_the_image_itself(street: Frame) -> None:
    values = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    after = corrupt_with(street.replace(images=(values,) * 6), "low_light", 1.0, seed=0)
    assert all(np.array_equal(image, values) for image in after.images)


@pytest.mark.parametrize(("severity", "scale"), [(1, 0.6), (2, 0.5), (3, 0.4), (4, 0.3), (5, 0.2)])
def test_as_dark_as_its_reference(street: Frame, severity: int, scale: float) -> None:
    # 3D Common Corruptions: 255 * scale * (v / 255)^2, on pixel values, of a wall in the sun (200):
    # 94 ... 31.
    grey = street.replace(images=(np.full((200, 200, 3), 200, np.uint8),) * 6)
    after = corrupt(grey, "low_light", severity, seed=0)
    assert after.images[0].mean() == pytest.approx(255 * scale * (200 / 255) ** 2, rel=0.15)


def test_signal_to_noise_falls_with_severity(street: Frame) -> None:
    grey = street.replace(images=(np.full((200, 200, 3), 150, np.uint8),) * 6)
    images = [corrupt(grey, "low_light", s, seed=0).images[0].astype(float) for s in range(1, 6)]
    ratio = [image.mean() / image.std() for image in images]
    assert (np.diff(ratio) < 0).all(), ratio
