"""Differentiable rendering of textures into images.

It also models what printing, light and a turned board do to a texture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from calico.data.batch import Batch, collate_frames
from calico.frame import Frame, UInt8
from calico_eval.attacks.patch.placement import Placed
from calico_eval.attacks.search_space.joint import Domain, Streams

TEXELS = 32
"""Texels along each side of a texture."""
BRIGHTNESS, CONTRAST, SATURATION, BEND = 0.1, 0.2, 0.3, 0.02
"""Widths of the transformations: brightness +-0.1 of full scale.

Contrast about middle grey and saturation times 1 +- this, all uniform; BEND: standard deviation of
the entries of a homography of the texture about the identity, which shifts, scales, shears and
tilts it by about 2 % of its size.
"""


class PatchDomain(Domain):
    """The textures of B frames with K patches each: (B, 3 K, TEXELS, TEXELS) in [0, 1].

    All colours are allowed, and textures begin with middle grey. The batch shows each texture at
    its frame's patches by bilinear interpolation in the texture, averaged over the subpixels of a
    pixel. The interpolation is written out with indices, because `grid_sample` has no deterministic
    backward pass.
    """

    def __init__(
        self,
        frames: Sequence[Frame],
        placed: Sequence[Sequence[Placed]],
        patches: int,
        device: torch.device,
        *,
        shared: bool = False,
    ) -> None:
        """patches: K. Patch k of a frame shows texture k.

        Shared: one set of textures, (1, 3 K, ...), for all frames.
        """
        self._frames, self._placed, self.patches, self._shared = frames, placed, patches, shared
        self.base = collate_frames(frames).to(device)
        self._pixels, self._texture, self._places = (part.to(device) for part in self._seen())
        size = (1 if shared else len(frames), 3 * self.patches, TEXELS, TEXELS)
        super().__init__(torch.full(size, 0.5, device=device), 0.5)

    def make_batch(self, x: Tensor, transformed: Streams = ()) -> Batch:
        """Return the batch that textures stand for, see `Domain.make_batch`.

        Args:
            x: Textures.
            transformed: One generator per texture set, which draws a transformation of it. Without
                generators the textures are shown as they are.
        """
        textures, places = x.reshape(len(x) * self.patches, 3, TEXELS, TEXELS), self._places
        if transformed:
            light, bend = draw_transformations(transformed, self.patches, x.device)
            textures = apply_light(textures, light)
            places = bend_places(places, bend[self._texture])
        colours = sample_textures(textures, self._texture, places)
        row, view, y, x_ = self._pixels
        channels = torch.arange(3, device=x.device)
        images = self.base.images.index_put(
            (row[:, None], view[:, None], channels, y[:, None], x_[:, None]), colours
        )
        return replace(self.base, images=images)

    def deliver_frames(self, x: Tensor) -> list[Frame]:
        """Return the frames, with whole grey levels in texture and pixels.

        Pixels that show no patch keep their bytes.
        """
        images = (
            (self.make_batch(round_textures(x.detach())).images * 255.0)
            .round()
            .clamp(0.0, 255.0)
            .to(torch.uint8)
        )
        painted = torch.zeros(
            self.base.images.shape[:2] + self.base.images.shape[3:], dtype=torch.bool
        )
        painted[tuple(part.cpu() for part in self._pixels)] = True
        pixels = images.permute(0, 1, 3, 4, 2).cpu().numpy()
        return [
            frame.replace(
                images=tuple(
                    _over(image, pixels[row, view], painted[row, view].numpy())
                    for view, image in enumerate(frame.images)
                )
            )
            for row, frame in enumerate(self._frames)
        ]

    def _seen(self) -> tuple[Tensor, Tensor, Tensor]:
        """(4, P) frame, view, row and column of every patched pixel; (P,) its texture.

        (P, S, 2) places in it.

        If two patches meet in a pixel, the nearer one counts, which stands first.
        """
        pixels, texture, places = (
            [np.zeros((4, 0), np.int64)],
            [np.zeros(0, np.int64)],
            [np.zeros((0, 4, 2))],
        )
        for row, of_frame in enumerate(self._placed):
            taken = [np.zeros(image.shape[:2], np.bool_) for image in self._frames[row].images]
            for number, one in enumerate(of_frame):
                for view, part in enumerate(one.views):
                    free = ~taken[view][part.rows, part.columns]
                    taken[view][part.rows, part.columns] = True
                    where = np.stack(
                        [np.full(len(part), row), np.full(len(part), view), part.rows, part.columns]
                    )
                    pixels.append(where[:, free])
                    index = number if self._shared else row * self.patches + number
                    texture.append(np.full(int(free.sum()), index))
                    places.append(part.places[free])
        return (
            torch.from_numpy(np.concatenate(pixels, axis=1)),
            torch.from_numpy(np.concatenate(texture)),
            torch.from_numpy(np.concatenate(places)).float(),
        )


def round_textures(textures: Tensor) -> Tensor:
    """Round textures in [0, 1] to whole grey levels, as they are printed."""
    return (textures * 255.0).round() / 255.0


def sample_textures(textures: Tensor, texture: Tensor, places: Tensor) -> Tensor:
    """Sample textures bilinearly between the centres of their texels.

    Beyond the outer texels their colour goes on.

    Args:
        textures: (N, 3, T, T) textures.
        texture: (P,) index of each pixel's texture.
        places: (P, S, 2) places from 0 to 1, over whose colours the mean is taken.

    Returns:
        (P, 3) colours.
    """
    size = textures.shape[-1]
    at = (places * size - 0.5).clamp(0.0, size - 1.0)
    low = at.floor().clamp(max=size - 2.0)
    part, corner = at - low, low.long()
    flat = textures.permute(0, 2, 3, 1).reshape(-1, 3)
    index = (texture[:, None] * size + corner[..., 1]) * size + corner[..., 0]
    across, down = part[..., :1], part[..., 1:]
    top = flat[index] * (1 - across) + flat[index + 1] * across
    bottom = flat[index + size] * (1 - across) + flat[index + size + 1] * across
    return (top * (1 - down) + bottom * down).mean(dim=1)


def draw_transformations(
    streams: Streams, patches: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Draw light and bend of textures.

    Args:
        streams: Generators.
        patches: Number of textures for each stream.
        device: Device of the result.

    Returns:
        Light (N, 3): brightness, contrast, saturation; and bend (N, 3, 3).
    """
    uniform = torch.cat(
        [2.0 * torch.rand(patches, 3, generator=stream) - 1.0 for stream in streams]
    )
    normal = torch.cat([torch.randn(patches, 3, 3, generator=stream) for stream in streams])
    return uniform.to(device), (torch.eye(3) + BEND * normal).to(device)


def apply_light(textures: Tensor, light: Tensor) -> Tensor:
    """Apply light to textures.

    Args:
        textures: (N, 3, T, T) in [0, 1].
        light: (N, 3) in -1..1.
    """
    brightness, contrast, saturation = (light[:, i, None, None, None] for i in range(3))
    luma = (textures * textures.new_tensor([0.299, 0.587, 0.114])[:, None, None]).sum(
        dim=1, keepdim=True
    )
    coloured = luma + (textures - luma) * (1.0 + SATURATION * saturation)
    return ((coloured - 0.5) * (1.0 + CONTRAST * contrast) + 0.5 + BRIGHTNESS * brightness).clamp(
        0.0, 1.0
    )


def bend_places(places: Tensor, bend: Tensor) -> Tensor:
    """Apply a homography about the texture's middle to places. The results are kept inside it.

    Args:
        places: (P, S, 2) places from 0 to 1.
        bend: (P, 3, 3) homographies.
    """
    centred = torch.cat([places - 0.5, torch.ones_like(places[..., :1])], dim=2) @ bend.transpose(
        1, 2
    )
    return (centred[..., :2] / centred[..., 2:].clamp_min(0.1) + 0.5).clamp(0.0, 1.0)


def _over(image: UInt8, painted: UInt8, where: np.ndarray) -> UInt8:
    height, width = image.shape[:2]
    mask = where[:height, :width, None]
    result: UInt8 = np.where(mask, painted[:height, :width], image)
    return result
