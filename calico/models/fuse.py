"""Camera and LiDAR features on one grid become one: ConvFuser of BEVFusion (Liu et al., ICRA 2023), or a sum."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from calico.models.layers import conv_block


class ConvFuser(nn.Module):
    """Concatenate (camera first), 3x3 convolution: (B, C1, Y, X), (B, C2, Y, X) -> (B, channels, Y, X)."""

    def __init__(self, camera_channels: int, lidar_channels: int, channels: int) -> None:
        super().__init__()
        self.block = conv_block(camera_channels + lidar_channels, channels)

    def forward(self, camera: Tensor, lidar: Tensor) -> Tensor:
        """See the class."""
        fused: Tensor = self.block(torch.cat([camera, lidar], dim=1))
        return fused


class AddFuser(nn.Module):
    """The sum of two maps of equal shape."""

    def forward(self, camera: Tensor, lidar: Tensor) -> Tensor:
        """See the class."""
        return camera + lidar
