"""Between sRGB pixel values and linear light, as `corruptions.camera.light`, in torch."""

from __future__ import annotations

import torch
from torch import Tensor

from corruptions.camera.light import LINEAR, PIXELS, STEPS


def to_linear(images: Tensor) -> Tensor:
    """(B, H, W, 3) uint8 to (B, 3, H, W) float32 linear light 0..1."""
    return torch.from_numpy(LINEAR).to(images.device)[images.permute(0, 3, 1, 2).int()]


def to_pixels(linear: Tensor) -> Tensor:
    """(B, 3, H, W) linear light to (B, H, W, 3) uint8; clipped to 0..1 first."""
    index = (linear.clamp(0.0, 1.0) * float(STEPS - 1) + 0.5).int()
    return torch.from_numpy(PIXELS).to(linear.device)[index].permute(0, 2, 3, 1).contiguous()
