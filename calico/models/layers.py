"""Blocks and precision helpers that every part of the network uses."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MIN_LENGTH = 1e-6
"""Shorter vectors are divided by this instead of by their length."""


def conv_block(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Build a convolution with batch norm and ReLU.

    At stride 1 and an odd kernel the size stays.

    Args:
        inputs: Channels in.
        outputs: Channels out.
        kernel: Side of the kernel.
        stride: Stride of the convolution.
    """
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def up_block(inputs: int, outputs: int, factor: int) -> nn.Sequential:
    """Build a transposed convolution with batch norm and ReLU.

    Args:
        inputs: Channels in.
        outputs: Channels out.
        factor: Growth of both axes.
    """
    return nn.Sequential(
        nn.ConvTranspose2d(inputs, outputs, factor, factor, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


def full_precision(like: Tensor) -> AbstractContextManager[object]:
    """Switch autocast off for what needs float32: metres, pixels, logits.

    Nothing is entered if autocast is off already, because export traces this code.
    """
    device = like.device.type
    return (
        torch.autocast(device, enabled=False)
        if torch.is_autocast_enabled(device)
        else nullcontext()
    )


def at_least_float32(x: Tensor) -> Tensor:
    """Convert bfloat16 and float16 to float32.

    Float32 and float64 stay.
    """
    return x.to(torch.promote_types(x.dtype, torch.float32))


def scale_to_unit(vectors: Tensor) -> Tensor:
    """Scale the rows of (n, D) vectors to length 1, in float32 at least.

    A zero vector stays zero.
    """
    return F.normalize(at_least_float32(vectors), dim=1, eps=MIN_LENGTH)
