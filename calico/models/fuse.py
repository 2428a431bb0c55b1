"""Fusion of camera and LiDAR features on one grid."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from calico.models.layers import conv_block

CAMERA_START = 0.1
"""What the fuser's first weights on camera features are multiplied by."""


class ConvFuser(nn.Module):
    """Concatenates both maps, cameras first, and applies a 3x3 convolution.

    Source:
        BEVFusion (Liu et al., ICRA 2023). Deviation: the weights on camera features start at a
        tenth of the usual size. Training therefore starts near the LiDAR-only network that
        pre-training left, and adds the cameras as they prove useful
        (docs/explanation/pretraining.md).
    """

    def __init__(self, camera_channels: int, lidar_channels: int, channels: int) -> None:
        super().__init__()
        self.block = conv_block(camera_channels + lidar_channels, channels)
        convolution = self.block[0]
        assert isinstance(convolution, nn.Conv2d)
        with torch.no_grad():
            convolution.weight[:, :camera_channels] *= CAMERA_START

    def forward(self, camera: Tensor, lidar: Tensor) -> Tensor:
        """Fuse two maps.

        Args:
            camera: (B, C1, Y, X) camera features.
            lidar: (B, C2, Y, X) LiDAR features.

        Returns:
            (B, channels, Y, X) fused features.
        """
        fused: Tensor = self.block(torch.cat([camera, lidar], dim=1))
        return fused


class AddFuser(nn.Module):
    """Adds two maps of equal shape."""

    def forward(self, camera: Tensor, lidar: Tensor) -> Tensor:
        """Add two maps.

        Args:
            camera: (B, C, Y, X) camera features.
            lidar: (B, C, Y, X) LiDAR features.
        """
        return camera + lidar
