"""Blurs and distortions of a batch of images, in linear light as the numpy path.

The few random numbers (angles, grains, a coarse field of shifts) are drawn by numpy on the host.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy.fft
import torch
from torch import Tensor
from torch.nn import functional

from corruptions.batched.light import to_linear, to_pixels
from corruptions.camera.elastic import smooth_field
from corruptions.camera.focus_blur import disc_kernel, normal_kernel
from corruptions.camera.glass_blur import GRAIN, resolution, shuffle
from corruptions.camera.motion_blur import line_kernel
from corruptions.camera.zoom_blur import zooms
from corruptions.frame_like import Float32
from corruptions.rng import Streams


def blurred(images: Tensor, kernels: Sequence[Float32]) -> Tensor:
    """Each image convolved with its kernel, as `camera.blur.blur`; all kernels of one shape."""
    return to_pixels(_convolved(to_linear(images), kernels))


def defocus(images: Tensor, value: float) -> Tensor:
    """As `camera.focus_blur.defocus_blur`."""
    return blurred(images, [disc_kernel(value * images.shape[2])] * len(images))


def gaussian(images: Tensor, value: float) -> Tensor:
    """As `camera.focus_blur.gaussian_blur`."""
    return blurred(images, [normal_kernel(value * images.shape[2])] * len(images))


def motion(images: Tensor, value: float, streams: Sequence[Streams], cameras: Sequence[str]) -> Tensor:
    """As `camera.motion_blur.motion_blur`."""
    angles = [own.frame(camera).uniform(0.0, np.pi) for own, camera in zip(streams, cameras, strict=True)]
    return blurred(images, [line_kernel(value * images.shape[2], angle) for angle in angles])


def glass(images: Tensor, value: float, streams: Sequence[Streams], cameras: Sequence[str]) -> Tensor:
    """As `camera.glass_blur.glass_blur`."""
    height, width = images.shape[1:3]
    cell, kernel = resolution(width, value)
    cells = functional.avg_pool2d(to_linear(images), cell, ceil_mode=True, count_include_pad=False)
    soft = _convolved(cells, [kernel] * len(images))
    size = soft.shape[2], soft.shape[3]
    for number, (own, camera) in enumerate(zip(streams, cameras, strict=True)):
        places = shuffle(*size, value * width / cell, GRAIN * width / cell, own.frame(camera))
        row, column = (torch.from_numpy(place).to(images.device) for place in places)
        soft[number] = soft[number][:, row, column]
    scattered = _convolved(soft, [kernel] * len(images))
    for dim, length in ((2, height), (3, width)):
        scattered = _read(scattered, dim, length, 1 / cell, 0.0)
    return to_pixels(scattered)


def zoom(images: Tensor, value: float) -> Tensor:
    """As `camera.zoom_blur.zoom_blur`."""
    linear = to_linear(images)
    for factor in zooms(images.shape[1], images.shape[2], value):
        larger = linear
        for dim in (2, 3):
            length = images.shape[dim - 1]
            larger = _read(larger, dim, length, 1 / factor, length / 2 * (1 - 1 / factor))
        linear = (linear + larger) * 0.5
    return to_pixels(linear)


def elastic(images: Tensor, value: float, streams: Sequence[Streams], cameras: Sequence[str]) -> Tensor:
    """As `camera.elastic.elastic`."""
    height, width = images.shape[1:3]
    result = torch.empty_like(images)
    for number, (own, camera) in enumerate(zip(streams, cameras, strict=True)):
        rng = own.frame(camera)
        fields = [smooth_field(height, width, value * width, rng) for _ in range(2)]
        down, right = (torch.from_numpy(field).to(images.device) for field in fields)
        row = (torch.arange(height, device=images.device)[:, None] + down).clamp(0, height - 1.001)
        column = (torch.arange(width, device=images.device) + right).clamp(0, width - 1.001)
        top, left = row.long(), column.long()
        image, below, beside = images[number].float(), (row - top)[..., None], (column - left)[..., None]
        upper = torch.lerp(image[top, left], image[top, left + 1], beside)
        lower = torch.lerp(image[top + 1, left], image[top + 1, left + 1], beside)
        result[number] = (torch.lerp(upper, lower, below) + 0.5).to(torch.uint8)
    return result


def _convolved(linear: Tensor, kernels: Sequence[Float32]) -> Tensor:
    """(B, 3, H, W) as `camera.blur.convolved`."""
    height, width = linear.shape[2:]
    top, left = kernels[0].shape[0] // 2, kernels[0].shape[1] // 2
    padded = functional.pad(linear, (left, left, top, top), mode="replicate")
    size = [scipy.fft.next_fast_len(n, real=True) for n in padded.shape[2:]]
    kernel = torch.from_numpy(np.stack(kernels)[:, None]).to(linear.device)
    spectrum = torch.fft.rfft2(padded, s=size) * torch.fft.rfft2(kernel, s=size)
    full: Tensor = torch.fft.irfft2(spectrum, s=size)
    return full[..., 2 * top : 2 * top + height, 2 * left : 2 * left + width]


def _read(values: Tensor, dim: int, length: int, step: float, start: float) -> Tensor:
    """Values along one axis, linear, at the middles of `length` pixels that are `step` wide, from `start` on."""
    place = (torch.arange(length, device=values.device, dtype=torch.float64) + 0.5) * step + start - 0.5
    place = place.clamp(0, values.shape[dim] - 1)
    below = place.long().clamp(max=max(values.shape[dim] - 2, 0))
    share = (place - below).float().view([-1 if axis == dim else 1 for axis in range(values.ndim)])
    above = (below + 1).clamp(max=values.shape[dim] - 1)
    return torch.lerp(values.index_select(dim, below), values.index_select(dim, above), share)
