"""From raw camera images to what the backbone sees, and the matrices kept in step."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from calico.geometry.image_fit import ImageFit

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def normalise_images(images: Tensor) -> Tensor:
    """Bring (n, 3, H, W) images in 0..1 to mean 0 and deviation 1 by ImageNet's figures."""
    mean = images.new_tensor(IMAGENET_MEAN)[:, None, None]
    std = images.new_tensor(IMAGENET_STD)[:, None, None]
    return (images - mean) / std


def fit_views(
    images: Tensor,
    image_from_lidar: Tensor,
    size_hw: tuple[int, int],
    sizes: Sequence[Sequence[tuple[int, int]]] = (),
) -> tuple[Tensor, Tensor]:
    """Fit every view by its own size, so that its neighbours do not change the result.

    Args:
        images: (B, V, 3, H, W) RGB in 0..1. A view that is smaller than (H, W) fills the top left
            corner.
        image_from_lidar: (B, V, 4, 4) projections to raw pixels.
        size_hw: Height and width that the network sees [px].
        sizes: B sequences of V (height, width) of the views, or () if all views fill (H, W).

    Returns:
        (B * V, 3, *size_hw) images in 0..1. (B, V, 4, 4) projections to the network's pixels.
    """
    flat_sizes = [size for views in sizes for size in views]
    flat, matrices = images.flatten(0, 1), image_from_lidar.flatten(0, 1)
    if not flat_sizes:
        fit = ImageFit.from_sizes((images.shape[3], images.shape[4]), size_hw)
        return fit.resample_images(flat), fit.adapt_matrices(image_from_lidar)
    fitted, moved, order = [], [], []
    for kind in sorted(set(flat_sizes)):
        fit = ImageFit.from_sizes(kind, size_hw)
        rows = [row for row, size in enumerate(flat_sizes) if size == kind]
        fitted.append(fit.resample_images(flat[rows][:, :, : kind[0], : kind[1]]))
        moved.append(fit.adapt_matrices(matrices[rows]))
        order += rows
    back = torch.tensor(order, device=images.device).argsort()
    return torch.cat(fitted)[back], torch.cat(moved)[back].reshape(image_from_lidar.shape)
