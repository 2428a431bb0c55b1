"""The torch path against the numpy path."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from calico.frame import Frame
from corruptions import SPECS, CorruptionError, corrupt, list_corruptions
from corruptions.batched import ImageKey, batched_corruptions, corrupt_images
from corruptions.batched.philox import uint16_draws
from corruptions.rng import generator

EXACT = {
    "gaussian_noise", "uniform_noise", "speckle_noise", "shot_noise", "iso_noise", "low_light", "impulse_noise", "brightness",
    "color_quant",
}  # fmt: skip
DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device: torch finds none")
    ),
]


def pictures(street: Frame, size: tuple[int, int]) -> Frame:
    """The street with two images of noise of every scale and edges of full contrast."""
    rng = np.random.default_rng(1)
    images = []
    for cell in (1, 9):
        coarse = rng.integers(0, 256, (-(-size[0] // cell), -(-size[1] // cell), 3))
        images.append(np.kron(coarse, np.ones((cell, cell, 1)))[: size[0], : size[1]].astype(np.uint8))
    return street.replace(
        images=tuple(images),
        camera_K=street.camera_K[:2],
        camera_T_lidar=street.camera_T_lidar[:2],
        camera_time_s=street.camera_time_s[:2],
    )


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("severity", [1, 5])
@pytest.mark.parametrize("name", batched_corruptions())
def test_same_as_numpy(street: Frame, name: str, severity: int, device: str) -> None:
    for size in ((211, 403), (96, 840)):
        frame = pictures(street, size)
        expected = np.stack(corrupt(frame, name, severity, seed=7).images).astype(int)
        keys = [ImageKey(frame.scene, frame.token, view) for view in range(2)]
        images = torch.from_numpy(np.stack(frame.images)).to(device)
        given = images.clone()
        found = corrupt_images(images, name, SPECS[name].at(severity), 7, keys)
        assert found.device == images.device
        assert found.dtype == torch.uint8
        assert found.is_contiguous()
        assert torch.equal(images, given)
        difference = abs(found.cpu().numpy().astype(int) - expected)
        assert difference.max() <= (0 if name in EXACT else 1)
        assert difference.mean() < 0.01
        # One image alone, or as another camera's.
        assert torch.equal(corrupt_images(images[1:], name, SPECS[name].at(severity), 7, keys[1:])[0], found[1])


@pytest.mark.parametrize("count", [1, 16, 1003])
def test_draws_are_those_of_numpy(count: int) -> None:
    expected = generator(3, "a", "b").integers(0, 65536, count, dtype=np.uint16)
    found = uint16_draws(generator(3, "a", "b"), count, torch.device("cpu"))
    assert found.tolist() == expected.tolist()


def test_guards(street: Frame) -> None:
    image, key = torch.zeros((1, 8, 8, 3), dtype=torch.uint8), [ImageKey("s", "t", 0)]
    assert len(corrupt_images(image[:0], "motion_blur", 0.01, 0, [])) == 0
    for name in set(list_corruptions()) - set(batched_corruptions()):
        with pytest.raises(CorruptionError, match=f"^{name} has no torch path: use corrupt_with"):
            corrupt_images(image, name, SPECS[name].at(1), 0, key)
    with pytest.raises(CorruptionError, match=r"smear is 3\.0, expected 0 to 0\.5"):
        corrupt_images(image, "motion_blur", 3.0, 0, key)
    for wrong in (image.float(), image[0], image.permute(0, 3, 1, 2)):
        with pytest.raises(CorruptionError, match=r"expected uint8 \(B, H, W, 3\) with B keys"):
            corrupt_images(wrong, "motion_blur", 0.01, 0, key)
    with pytest.raises(CorruptionError, match="with 0 keys"):
        corrupt_images(image, "motion_blur", 0.01, 0, [])


def test_the_package_itself_needs_no_torch() -> None:
    program = "import sys; sys.modules['torch'] = None; import corruptions; print(len(corruptions.list_corruptions()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) == len(list_corruptions())
