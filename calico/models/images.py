"""From raw camera images to what the backbone sees, and the matrices kept in step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class ImageFit:
    """How a raw image is fitted to the network: resize to `resized_hw`, then cut `top` rows and `left` columns, keep `size_hw`.

    The rule: the smallest resize that covers the network's size in both axes and keeps the proportions; what is too much
    is cut from the top (sky) and evenly left and right. Equal sizes give the identity. BEVFusion (Liu et al., ICRA 2023) resizes
    1600x900 by 0.48 and cuts to 704x256; this rule resizes by 0.44 and keeps the full field of view.
    """

    raw_hw: tuple[int, int]
    resized_hw: tuple[int, int]
    size_hw: tuple[int, int]
    top: int
    left: int

    @staticmethod
    def between(raw_hw: tuple[int, int], size_hw: tuple[int, int]) -> ImageFit:
        """The fit of raw images (height, width) to the network's size."""
        scale = max(size_hw[0] / raw_hw[0], size_hw[1] / raw_hw[1])
        height = max(size_hw[0], round(raw_hw[0] * scale))
        width = max(size_hw[1], round(raw_hw[1] * scale))
        return ImageFit(
            raw_hw, (height, width), size_hw, height - size_hw[0], (width - size_hw[1]) // 2
        )

    def affine(self) -> tuple[tuple[float, float, float], ...]:
        """(3, 3): raw pixel (u, v, 1) to network pixel. A resize by s maps u to s (u + 0.5) - 0.5."""
        sy = self.resized_hw[0] / self.raw_hw[0]
        sx = self.resized_hw[1] / self.raw_hw[1]
        return (
            (sx, 0.0, 0.5 * sx - 0.5 - self.left),
            (0.0, sy, 0.5 * sy - 0.5 - self.top),
            (0.0, 0.0, 1.0),
        )

    def resample(self, images: Tensor) -> Tensor:
        """(n, 3, H, W) in 0..1 -> (n, 3, *size_hw) in 0..1. Bilinear, no antialiasing."""
        if self.resized_hw != self.raw_hw:
            images = F.interpolate(images, self.resized_hw, mode="bilinear", align_corners=False)
        return images[
            :, :, self.top : self.top + self.size_hw[0], self.left : self.left + self.size_hw[1]
        ]

    def images(self, images: Tensor) -> Tensor:
        """(n, 3, H, W) in 0..1 -> (n, 3, *size_hw), normalised."""
        return normalise(self.resample(images))

    def matrices(self, image_from_lidar: Tensor) -> Tensor:
        """(..., 4, 4) to raw pixels -> the same to the network's pixels."""
        rows = [[*row[:2], row[2], 0.0] for row in self.affine()]
        affine = image_from_lidar.new_tensor([*rows, [0.0, 0.0, 0.0, 1.0]])
        return affine @ image_from_lidar


def normalise(images: Tensor) -> Tensor:
    """(n, 3, H, W) in 0..1, brought to mean 0 and deviation 1 by ImageNet's figures."""
    mean = images.new_tensor(IMAGENET_MEAN)[:, None, None]
    std = images.new_tensor(IMAGENET_STD)[:, None, None]
    return (images - mean) / std


def fit_views(
    images: Tensor,
    image_from_lidar: Tensor,
    size_hw: tuple[int, int],
    sizes: Sequence[Sequence[tuple[int, int]]] = (),
) -> tuple[Tensor, Tensor]:
    """Fits every view by its own size, so that it comes out the same whatever stands beside it.

    Args:
        images: (B, V, 3, H, W) RGB in 0..1. A view that is smaller than (H, W) fills the top left corner.
        image_from_lidar: (B, V, 4, 4), to raw pixels.
        size_hw: height and width that the network sees.
        sizes: B sequences of V (height, width) of the views; () where all of them fill (H, W).

    Returns:
        (B * V, 3, *size_hw) in 0..1; (B, V, 4, 4), to the network's pixels.
    """
    flat_sizes = [size for views in sizes for size in views]
    flat, matrices = images.flatten(0, 1), image_from_lidar.flatten(0, 1)
    if not flat_sizes:
        fit = ImageFit.between((images.shape[3], images.shape[4]), size_hw)
        return fit.resample(flat), fit.matrices(image_from_lidar)
    fitted, moved, order = [], [], []
    for kind in sorted(set(flat_sizes)):
        fit = ImageFit.between(kind, size_hw)
        rows = [row for row, size in enumerate(flat_sizes) if size == kind]
        fitted.append(fit.resample(flat[rows][:, :, : kind[0], : kind[1]]))
        moved.append(fit.matrices(matrices[rows]))
        order += rows
    back = torch.tensor(order, device=images.device).argsort()
    return torch.cat(fitted)[back], torch.cat(moved)[back].reshape(image_from_lidar.shape)
