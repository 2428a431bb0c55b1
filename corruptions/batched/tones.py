"""Noise and tones of a batch of images: look-ups in the tables of the numpy path."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from corruptions.batched.philox import uint16_draws
from corruptions.camera.iso_noise import iso_bank
from corruptions.camera.low_light import low_light_bank
from corruptions.camera.noise import gaussian_bank, impulse_draws, shot_bank, speckle_bank, uniform_bank
from corruptions.camera.pixel_noise import OUTCOMES
from corruptions.camera.tone import brightness_table, contrast_tables, quantised, saturation_table
from corruptions.frame_like import UInt8
from corruptions.rng import Streams

BANKS: dict[str, Callable[[float, np.random.Generator], UInt8]] = {
    "gaussian_noise": gaussian_bank,
    "uniform_noise": uniform_bank,
    "speckle_noise": speckle_bank,
    "shot_noise": shot_bank,
    "iso_noise": iso_bank,
    "low_light": low_light_bank,
}


def dealt(images: Tensor, name: str, value: float, streams: Sequence[Streams], cameras: Sequence[str]) -> Tensor:
    """The noises of BANKS: every value becomes one of its outcomes, as in `camera.pixel_noise.deal`."""
    result = torch.empty_like(images)
    for number, (own, camera) in enumerate(zip(streams, cameras, strict=True)):
        bank = torch.from_numpy(BANKS[name](value, own.frame("camera"))).to(images.device).flatten()
        drawn = uint16_draws(own.frame(camera), images[number].numel(), images.device) // (65536 // OUTCOMES)
        result[number] = bank[images[number].long() * OUTCOMES + drawn.view_as(images[number])]
    return result


def impulse(images: Tensor, value: float, streams: Sequence[Streams], cameras: Sequence[str]) -> Tensor:
    """As `camera.noise.impulse_noise`."""
    half, result = impulse_draws(value), images.clone()
    for number, (own, camera) in enumerate(zip(streams, cameras, strict=True)):
        drawn = uint16_draws(own.frame(camera), images[number].numel(), images.device).view_as(images[number])
        result[number][drawn < half] = 0
        result[number][drawn >= 65536 - half] = 255
    return result


def brightness(images: Tensor, value: float) -> Tensor:
    """As `camera.tone.brightness`."""
    table = torch.from_numpy(brightness_table(value)).to(images.device).flatten()
    return table[images.amax(dim=-1, keepdim=True).int() * 256 + images.int()]


def contrast(images: Tensor, value: float) -> Tensor:
    """As `camera.tone.contrast`; the means are taken on the device."""
    mean = images.double().mean(dim=(1, 2)).cpu().numpy()
    tables = torch.from_numpy(contrast_tables(mean[..., None], value)).to(images.device).flatten()
    first = 256 * torch.arange(tables.numel() // 256, device=images.device, dtype=torch.int32)
    return tables[first.view(len(images), 1, 1, 3) + images.int()]


def saturate(images: Tensor, value: float) -> Tensor:
    """As `camera.tone.saturate`."""
    largest = images.amax(dim=-1, keepdim=True).int()
    table = torch.from_numpy(saturation_table(value)).to(images.device).flatten()
    gain = table[largest * 256 + images.amin(dim=-1, keepdim=True).int()]
    depth = ((largest - images.int()) * gain + 0.5).int()
    return (largest - torch.minimum(depth, largest)).to(torch.uint8)


def color_quant(images: Tensor, value: float) -> Tensor:
    """As `camera.tone.color_quant`."""
    return torch.from_numpy(quantised(value)).to(images.device)[images.int()]
