"""`corrupt_images`: what `corrupt_with` does to the images of frames, for a batch of images in torch.

Same random streams, same result: exactly where it is table look-ups (`tones`, but for the rounding of `contrast` and `saturate`),
else within a grey level (`filters`). The corruptions are those whose images are costly or whose arithmetic is all on pixels.
Not here: weather and what is drawn on the lens, as they work out the range of every pixel or a mask on the host and need the
frame; codecs, which are Pillow's; and point clouds, where 120,000 points take some hundredths of a second in numpy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from corruptions.batched import filters, tones
from corruptions.catalogue import find
from corruptions.errors import CorruptionError
from corruptions.rng import Streams


@dataclass(frozen=True)
class ImageKey:
    """Which image it is, for the random streams: scene and token of its frame, and the camera's number."""

    scene: str
    token: str
    view: int


_Plain = Callable[[Tensor, float], Tensor]
_Drawn = Callable[[Tensor, float, Sequence[Streams], Sequence[str]], Tensor]
_PLAIN: dict[str, _Plain] = {
    "brightness": tones.brightness,
    "contrast": tones.contrast,
    "saturate": tones.saturate,
    "color_quant": tones.color_quant,
    "defocus_blur": filters.defocus,
    "gaussian_blur": filters.gaussian,
    "zoom_blur": filters.zoom,
}


def _dealt(name: str, images: Tensor, value: float, streams: Sequence[Streams], cameras: Sequence[str]) -> Tensor:
    return tones.dealt(images, name, value, streams, cameras)


_DRAWN: dict[str, _Drawn] = {name: partial(_dealt, name) for name in tones.BANKS} | {
    "impulse_noise": tones.impulse,
    "motion_blur": filters.motion,
    "glass_blur": filters.glass,
    "elastic": filters.elastic,
}


def batched_corruptions() -> tuple[str, ...]:
    """The corruptions that `corrupt_images` has."""
    return (*_DRAWN, *_PLAIN)


def corrupt_images(images: Tensor, name: str, value: float, seed: int, keys: Sequence[ImageKey]) -> Tensor:
    """(B, H, W, 3) uint8 RGB images under a corruption, on the device that they are on; the input stays.

    Args:
        images: all of one size.
        name: one of `batched_corruptions()`.
        value: of its physical parameter; severity 3 is `find(name)[0].at(3)`.
        seed: of the suite.
        keys: B, one per image: image, key and seed give what `corrupt_with` gives for that camera of that frame.

    Raises CorruptionError for a corruption that has no torch path, a value outside its limits, or images of another form.
    """
    spec = find(name)[0]
    if name not in batched_corruptions():
        raise CorruptionError(
            f"{name} has no torch path: use corrupt_with on the frame; those that have are {', '.join(batched_corruptions())}"
        )
    spec.check(value)
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[3] != 3 or len(images) != len(keys):
        raise CorruptionError(
            f"images are {images.dtype} {tuple(images.shape)} with {len(keys)} keys, expected uint8 (B, H, W, 3) with B keys"
        )
    if not len(images):
        return images.clone()
    if name in _PLAIN:
        return _PLAIN[name](images, value)
    streams = [Streams(seed, key.scene, key.token, name, value) for key in keys]
    return _DRAWN[name](images, value, streams, [f"camera{key.view}" for key in keys])
