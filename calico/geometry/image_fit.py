"""The rule that fits a raw camera image to the size that a network takes."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class ImageFit:
    """Resize and crop of raw images of one size, and of the matrices that project to them.

    The image is resized by the smallest factor that covers the network's size in both axes and
    keeps the proportions. Surplus rows are cut from the top (sky), surplus columns evenly from the
    left and the right. Equal sizes give the identity.

    Attributes:
        raw_hw: Height and width of the raw image [px].
        resized_hw: Height and width after the resize [px].
        size_hw: Height and width that the network sees [px].
        top: Rows that are cut from the top of the resized image.
        left: Columns that are cut from its left.

    Source:
        BEVFusion (Liu et al., ICRA 2023) resizes 1600 x 900 by 0.48 and crops to 704 x 256. This
        rule resizes by 0.44 and keeps the full field of view.
    """

    raw_hw: tuple[int, int]
    resized_hw: tuple[int, int]
    size_hw: tuple[int, int]
    top: int
    left: int

    @staticmethod
    def from_sizes(raw_hw: tuple[int, int], size_hw: tuple[int, int]) -> ImageFit:
        """Choose resize and crop for raw images of one size.

        Args:
            raw_hw: Height and width of the raw images [px].
            size_hw: Height and width that the network sees [px].
        """
        scale = max(size_hw[0] / raw_hw[0], size_hw[1] / raw_hw[1])
        height = max(size_hw[0], round(raw_hw[0] * scale))
        width = max(size_hw[1], round(raw_hw[1] * scale))
        return ImageFit(
            raw_hw, (height, width), size_hw, height - size_hw[0], (width - size_hw[1]) // 2
        )

    def to_affine(self) -> tuple[tuple[float, float, float], ...]:
        """Return the (3, 3) matrix from a raw pixel (u, v, 1) to a pixel of the network.

        A resize by s maps u to s (u + 0.5) - 0.5.
        """
        sy = self.resized_hw[0] / self.raw_hw[0]
        sx = self.resized_hw[1] / self.raw_hw[1]
        return (
            (sx, 0.0, 0.5 * sx - 0.5 - self.left),
            (0.0, sy, 0.5 * sy - 0.5 - self.top),
            (0.0, 0.0, 1.0),
        )

    def resample_images(self, images: Tensor) -> Tensor:
        """Resize and crop (n, 3, H, W) images in 0..1, bilinear and without antialiasing."""
        if self.resized_hw != self.raw_hw:
            images = F.interpolate(images, self.resized_hw, mode="bilinear", align_corners=False)
        return images[
            :, :, self.top : self.top + self.size_hw[0], self.left : self.left + self.size_hw[1]
        ]

    def adapt_matrices(self, image_from_lidar: Tensor) -> Tensor:
        """Turn (..., 4, 4) projections to raw pixels into projections to the network's pixels."""
        rows = [[*row[:2], row[2], 0.0] for row in self.to_affine()]
        affine = image_from_lidar.new_tensor([*rows, [0.0, 0.0, 0.0, 1.0]])
        return affine @ image_from_lidar
