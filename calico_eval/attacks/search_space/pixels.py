"""The search space of the cameras: raw pixels of all views of a frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from calico.data.batch import Batch, collate_frames
from calico.frame import Float64, Frame, UInt8
from calico_eval.attacks.budget.threat import Threat
from calico_eval.attacks.search_space.base import Domain


class PixelDomain(Domain):
    """All views of a frame as one image of 3 V channels, in raw pixels / 255.

    There is one tensor for all views, not one per view, because attacks divide by a gradient's mean
    over an image, which is NaN if a view gets no gradient. The model's resizing and normalisation
    lie behind this tensor, so the budget is in raw grey levels.
    """

    def __init__(self, frames: Sequence[Frame], threat: Threat, device: torch.device) -> None:
        self._frames, self._threat = frames, threat
        self.base = collate_frames(frames).to(device)
        self._shape = self.base.images.shape
        batch, views, channels, height, width = self._shape
        clean = self.base.images.reshape(batch, views * channels, height, width)
        own = (
            self._own().reshape(clean.shape)
            if len({i.shape for f in frames for i in f.images}) > 1
            else None
        )
        if threat.camera_rms:
            values = torch.tensor([float(_values(frame)) for frame in frames])[:, None, None, None]
            super().__init__(clean, threat.camera_rms * values.sqrt() / 255.0, own, "l2")
        else:
            super().__init__(clean, threat.camera_levels / 255.0, own)

    def make_batch(self, x: Tensor) -> Batch:
        """See `Domain.make_batch`. Pixels that only pad a smaller view stay as they are."""
        x = x if self.own is None else torch.where(self.own, x, self.clean)
        return replace(self.base, images=x.reshape(self._shape))

    def deliver_frames(self, x: Tensor) -> list[Frame]:
        """See `Domain.deliver_frames`. Pixels take the nearest level within the budget.

        For L-infinity the change is clipped in integers; for L2 see `rounded_within`. Neither can
        overstep.
        """
        exact = x.detach().reshape(self._shape).cpu().numpy().astype(np.float64) * 255.0
        return [
            frame.replace(
                images=self._delivered(
                    [
                        exact[row, view, :, : image.shape[0], : image.shape[1]].transpose(1, 2, 0)
                        for view, image in enumerate(frame.images)
                    ],
                    frame.images,
                )
            )
            for row, frame in enumerate(self._frames)
        ]

    def measure_shares(self, gradient: Tensor, row: int) -> tuple[float, ...]:
        """See `Domain.measure_shares`.

        Args:
            gradient: Gradient like x.
            row: Index of the frame.
        """
        alive = (gradient.reshape(self._shape)[row] != 0).any(dim=1)
        return tuple(
            float(alive[view, : image.shape[0], : image.shape[1]].float().mean())
            for view, image in enumerate(self._frames[row].images)
        )

    def _delivered(self, exact: list[Float64], images: tuple[UInt8, ...]) -> tuple[UInt8, ...]:
        if self.norm == "l2":
            return rounded_within(exact, images, self._threat.camera_rms)
        most = self._threat.camera_levels
        clean = [image.astype(np.int16) for image in images]
        return tuple(
            np.clip(
                np.rint(after), np.maximum(before - most, 0), np.minimum(before + most, 255)
            ).astype(np.uint8)
            for after, before in zip(exact, clean, strict=True)
        )

    def _own(self) -> Tensor:
        own = torch.zeros(self._shape, dtype=torch.bool, device=self.base.images.device)
        for row, frame in enumerate(self._frames):
            for view, image in enumerate(frame.images):
                own[row, view, :, : image.shape[0], : image.shape[1]] = True
        return own


def rounded_within(
    exact: Sequence[Float64], images: Sequence[UInt8], rms: float
) -> tuple[UInt8, ...]:
    """Round to images of whole levels whose root mean square change is at most `rms`.

    Pixels are rounded to the nearest level. If that is over budget, changes are made one level
    smaller, first those that rounding had made larger by most, and no more of them than needed.

    Args:
        exact: V arrays (H_v, W_v, 3) of grey levels.
        images: The clean views.
        rms: Root mean square change over all views [grey levels].
    """
    if not images:
        return ()
    clean: Float64 = np.concatenate([image.ravel() for image in images]).astype(np.float64)
    wanted: Float64 = np.concatenate([view.ravel() for view in exact])
    change = (np.rint(wanted).clip(0, 255) - clean).astype(np.int64)
    allowed = _most_squares(rms, len(clean))
    while (excess := int(np.square(change).sum()) - allowed) > 0:
        rows = np.flatnonzero(change)
        size = np.abs(change[rows])
        order = np.argsort(np.abs(wanted - clean)[rows] - size, kind="stable")
        saved = np.cumsum(2 * size[order] - 1)
        back = rows[order[: int(np.searchsorted(saved, excess)) + 1]]
        change[back] -= np.sign(change[back])
    levels = (clean.astype(np.int64) + change).astype(np.uint8)
    ends = np.cumsum([image.size for image in images])[:-1]
    return tuple(
        part.reshape(image.shape)
        for part, image in zip(np.split(levels, ends), images, strict=True)
    )


def _most_squares(rms: float, values: int) -> int:
    """Find the largest sum of squares of `values` whole numbers that stays within `rms`.

    Their root mean square, as the budget check computes it, is not above `rms`.
    """
    most = math.ceil(rms * rms * values) + 1
    while np.sqrt(most / values) > rms:
        most -= 1
    return most


def _values(frame: Frame) -> int:
    """Pixel values of all views of a frame."""
    return sum(image.size for image in frame.images)
