"""The convolution block that every part of the network is made of."""

from __future__ import annotations

from torch import nn


def conv_block(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU; keeps the size at stride 1 (odd kernels)."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def up_block(inputs: int, outputs: int, factor: int) -> nn.Sequential:
    """Transposed convolution that enlarges both axes by `factor`, batch norm, ReLU."""
    return nn.Sequential(
        nn.ConvTranspose2d(inputs, outputs, factor, factor, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )
