"""The trunk: a 2D backbone, and a neck that brings its levels to one stride.

Source:
    SECOND (Yan et al., Sensors 2018). Deviation: the first level has stride 1, since the stride
    `bev.strides[0]` is spent in the branches (`calico.models.pillars`).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from calico.config.model import BevConfig
from calico.models.layers import conv_block, up_block


class BevTrunk(nn.Module):
    """Turns (B, inputs, Y / s0, X / s0) into (B, out_channels, Y / out_stride, X / out_stride).

    s0 is `strides[0]`.
    """

    def __init__(self, config: BevConfig, inputs: int) -> None:
        super().__init__()
        self.levels, self.necks = nn.ModuleList(), nn.ModuleList()
        total = 1
        for index, (layers, stride, channels) in enumerate(
            zip(config.layers, config.strides, config.channels, strict=True)
        ):
            total *= stride
            blocks = [conv_block(inputs, channels, 3, 1 if index == 0 else stride)]
            blocks += [
                conv_block(channels, channels) for _ in range(layers - 1 if index == 0 else layers)
            ]
            self.levels.append(nn.Sequential(*blocks))
            self.necks.append(_neck(channels, config.neck_channels, total, config.out_stride))
            inputs = channels
        self.out_channels = config.neck_channels * len(config.layers)

    def forward(self, bev: Tensor) -> Tensor:
        """Return the trunk's features.

        Shapes are those of the class.
        """
        outputs = []
        for level, neck in zip(self.levels, self.necks, strict=True):
            bev = level(bev)
            outputs.append(neck(bev))
        return torch.cat(outputs, dim=1)


def _neck(inputs: int, outputs: int, stride: int, out_stride: int) -> nn.Sequential:
    if stride % out_stride == 0:
        factor = stride // out_stride
        return conv_block(inputs, outputs, 1) if factor == 1 else up_block(inputs, outputs, factor)
    factor = out_stride // stride
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, factor, factor, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
