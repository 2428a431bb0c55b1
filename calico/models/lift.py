"""From image features to the bird's-eye view.

Lift-splat is used in pull form. Instead of scattering every pixel's feature along its depth
distribution, every BEV cell looks up, at a few heights, the feature and the probability of its own
depth in each camera. That gives the same product, feature times depth probability, without a
scatter, and the same code trains and deploys. The depth probability is interpolated linearly
between the two nearest bins. The alternative is inverse perspective mapping.

Source:
    Lift-splat (Philion and Fidler, ECCV 2020).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from calico.config.model import CameraConfig
from calico.geometry.grid import Grid
from calico.models.layers import conv_block

MIN_DEPTH_M = 0.1


class Lift(nn.Module):
    """Turns (B, V, C, h, w) features into a (B, channels, Y, X) bird's-eye view.

    Args:
        config: Settings of the camera branch. With `view_transform` homography only features of the
            ground are used, at the lowest of `heights_m`, averaged over the views that see a cell.
        grid: Grid of the BEV features.
        origin_px: Pixel on which feature (0, 0) is centred.
    """

    centers: Tensor

    def __init__(self, config: CameraConfig, grid: Grid, origin_px: float) -> None:
        super().__init__()
        self.lss = config.view_transform == "lss"
        self.heights = config.heights_m if self.lss else (min(config.heights_m),)
        self.shape, self.channels = grid.shape, config.channels
        self.stride, self.origin_px = config.feature_stride, origin_px
        self.depth_low_m, self.depth_high_m = config.depth_range_m
        self.depth_bins = config.depth_bins
        self.context = nn.Conv2d(config.fpn_channels, config.channels, 1)
        self.depth = nn.Conv2d(config.fpn_channels, config.depth_bins, 1) if self.lss else None
        self.collapse = conv_block(config.channels * len(self.heights), config.channels, 1)
        flat = torch.from_numpy(grid.cell_centers().reshape(-1, 2)).float()
        ones = flat.new_ones((len(flat), 1))
        layers = [torch.cat([flat, z * ones, ones], 1) for z in self.heights]
        self.register_buffer("centers", torch.stack(layers), persistent=False)

    def forward(self, features: Tensor, image_from_lidar: Tensor) -> Tensor:
        """Lift image features.

        Args:
            features: (B, V, C, h, w) image features.
            image_from_lidar: (B, V, 4, 4) projections to the network's pixels.

        Returns:
            (B, channels, Y, X) BEV features.
        """
        batch, views, _, height, width = features.shape
        flat = features.flatten(0, 1)
        where, depth_m, seen = self.project_cells(image_from_lidar.flatten(0, 1), height, width)
        context = F.grid_sample(
            self.context(flat), where, mode="bilinear", padding_mode="border", align_corners=False
        )
        weight = (
            seen
            if self.depth is None
            else seen * self.depth_weight(self.depth(flat), where, depth_m)
        )
        pulled = (context * weight[:, None]).reshape(batch, views, -1, *weight.shape[1:]).sum(1)
        if self.depth is None:
            pulled = pulled / seen.reshape(batch, views, 1, *seen.shape[1:]).sum(1).clamp(min=1.0)
        pulled = pulled.reshape(batch, self.channels * len(self.heights), *self.shape)
        bev: Tensor = self.collapse(pulled)
        return bev

    def project_cells(
        self, matrices: Tensor, height: int, width: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Project the cells into feature maps.

        Args:
            matrices: (n, 4, 4) projections of LiDAR points to network pixels.
            height: Height of the feature maps.
            width: Width of the feature maps.

        Returns:
            (n, heights, cells, 2) places in [-1, 1] for grid_sample, bounded also behind the
            camera. (n, heights, cells) depths [m]. The same shape, 1 where the cell is in front of
            the camera and in its image.
        """
        uvd = torch.einsum("nij,hcj->nhci", matrices[:, :3], self.centers)
        depth_m = uvd[..., 2]
        ahead = depth_m > MIN_DEPTH_M
        pixel = uvd[..., :2] / torch.where(ahead, depth_m, 1.0)[..., None]
        size = pixel.new_tensor([width, height])
        where = ((pixel - self.origin_px) / self.stride + 0.5) * 2.0 / size - 1.0
        seen = ahead & (where.abs() <= 1.0).all(-1)
        return where.clamp(-2.0, 2.0), depth_m, seen.to(where.dtype)

    def depth_weight(self, logits: Tensor, where: Tensor, depth_m: Tensor) -> Tensor:
        """Look up the probability of each cell's depth at its pixel.

        The distribution is laid out as an image of D * h rows, so that the two nearest bins are two
        bilinear samples.

        Args:
            logits: (n, D, h, w) depth logits.
            where: (n, heights, cells, 2) sampling places in -1..1.
            depth_m: (n, heights, cells) depths [m].

        Returns:
            (n, heights, cells) probabilities, or 0 outside the depth range.
        """
        bins, height = self.depth_bins, logits.shape[2]
        stacked = logits.softmax(1).reshape(logits.shape[0], 1, bins * height, logits.shape[3])
        step = (self.depth_high_m - self.depth_low_m) / bins
        place = ((depth_m - self.depth_low_m) / step - 0.5).clamp(0.0, bins - 1.0)
        lower = place.floor().clamp(max=max(bins - 2.0, 0.0))
        row = ((where[..., 1] + 1.0) * (height / 2.0) - 0.5).clamp(0.0, height - 1.0)
        upper_share = place - lower
        result = torch.zeros_like(depth_m)
        for index, share in (
            (lower, 1.0 - upper_share),
            ((lower + 1.0).clamp(max=bins - 1.0), upper_share),
        ):
            y = (index * height + row + 0.5) * (2.0 / (bins * height)) - 1.0
            at = torch.stack([where[..., 0], y], dim=-1)
            sampled = F.grid_sample(
                stacked, at, mode="bilinear", padding_mode="border", align_corners=False
            )
            result = result + share * sampled[:, 0]
        inside = (depth_m >= self.depth_low_m) & (depth_m <= self.depth_high_m)
        return result * inside
