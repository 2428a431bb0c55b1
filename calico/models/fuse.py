"""Camera and LiDAR features on one grid become one: ConvFuser of BEVFusion (Liu et al., ICRA 2023), or a sum."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from calico.models.layers import conv_block

CAMERA_START = 0.1
"""What the fuser's first weights on camera features are multiplied by."""


class ConvFuser(nn.Module):
    """Concatenate (camera first), 3x3 convolution: (B, C1, Y, X), (B, C2, Y, X) -> (B, channels, Y, X).

    Deviation: the weights on camera features start at a tenth of the usual size, so that training starts near the LiDAR-only
    network, as LiDAR pre-training left it, and adds the cameras as they prove useful (docs/explanation/pretraining.md).
    """

    def __init__(self, camera_channels: int, lidar_channels: int, channels: int) -> None:
        super().__init__()
        self.block = conv_block(camera_channels + lidar_channels, channels)
        convolution = self.block[0]
        assert isinstance(convolution, nn.Conv2d)
        with torch.no_grad():
            convolution.weight[:, :camera_channels] *= CAMERA_START

    def forward(self, camera: Tensor, lidar: Tensor) -> Tensor:
        """See the class."""
        fused: Tensor = self.block(torch.cat([camera, lidar], dim=1))
        return fused


class AddFuser(nn.Module):
    """The sum of two maps of equal shape."""

    def forward(self, camera: Tensor, lidar: Tensor) -> Tensor:
        """See the class."""
        return camera + lidar
