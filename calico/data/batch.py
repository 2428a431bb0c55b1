"""Frames to tensors: what the networks take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from calico.data.targets import TaskTarget
from calico.errors import CalicoError
from calico.frame import Float32, Frame


@dataclass(frozen=True)
class Batch:
    """B frames with N point slots and V cameras, as tensors.

    Attributes:
        points: (B, N, 5) float32 x, y, z [m], intensity [0..1], dt [s]. Unused slots hold zeros.
        point_mask: (B, N) bool, True if a slot holds a point.
        images: (B, V, 3, H, W) float32 RGB in 0..1, raw size (the model resizes and normalises
            inside its graph). The loaders of training leave uint8 in 0..255 until `to` has moved
            them, which is a quarter of the bytes. Smaller images are padded with black at the right
            and the bottom, which leaves pixels where they were.
        image_sizes: B tuples of V (height, width), the sizes without padding, by which the model
            fits each image (`calico.models.images.fit_views`), or () if all images fill (H, W).
        camera_K: (B, V, 3, 3) intrinsics [px], or None if the batch is made without frames.
        camera_T_lidar: (B, V, 4, 4) poses, or None if the batch is made without frames.
        image_from_lidar: (B, V, 4, 4) float32, takes LiDAR points to (u*d, v*d, d, 1) of those raw
            pixels.
        boxes: B tensors (M, 9). Objects without LiDAR points are left out.
        labels: B tensors (M,) int64.
        targets: Targets of the detection head, one per task; () if nobody has made them yet.
        map_masks: (B, K, Y, X) float32: 1, 0, or -1 if the map is unknown there (no loss).
            None without maps.
        tokens: B names.
    """

    points: Tensor
    point_mask: Tensor
    images: Tensor
    image_from_lidar: Tensor
    boxes: tuple[Tensor, ...] = ()
    labels: tuple[Tensor, ...] = ()
    map_masks: Tensor | None = None
    tokens: tuple[str, ...] = ()
    image_sizes: tuple[tuple[tuple[int, int], ...], ...] = ()
    camera_K: Tensor | None = None
    camera_T_lidar: Tensor | None = None
    targets: tuple[TaskTarget, ...] = ()

    def to(self, device: torch.device | str) -> Batch:
        """Return the same batch on a device, with images in 0..1.

        Images that are still uint8 are converted there. The result has the same bytes on every
        device.
        """
        moved: dict[str, Any] = {}
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, Tensor):
                moved[item.name] = value.to(device, non_blocking=True)
            elif item.name in ("boxes", "labels"):
                moved[item.name] = tuple(t.to(device, non_blocking=True) for t in value)
            elif item.name == "targets":
                moved[item.name] = tuple(target.to(device) for target in value)
        moved["images"] = _scale_images(moved["images"])
        return replace(self, **moved)

    def __len__(self) -> int:
        return len(self.points)


def collate_frames(frames: Sequence[Frame], *, raw_images: bool = False) -> Batch:
    """Stack frames of equal camera count, with images of any size.

    The number of point slots is the point count of the largest frame.

    Args:
        frames: The frames.
        raw_images: Leave the images uint8; `Batch.to` converts them.

    Raises:
        CalicoError: There are no frames, or their camera counts differ.
    """
    if not frames:
        raise CalicoError("collate: got no frames, expected at least one")
    views = {len(frame.images) for frame in frames}
    if len(views) != 1:
        raise CalicoError(
            f"collate: frames with {sorted(views)} cameras in one batch; expected one camera count"
        )
    n = max(1, *(len(frame.points) for frame in frames))
    points = np.zeros((len(frames), n, 5), np.float32)
    mask = np.zeros((len(frames), n), np.bool_)
    for index, frame in enumerate(frames):
        points[index, : len(frame.points)] = frame.points
        mask[index, : len(frame.points)] = True
    seen = [frame.boxes.select(frame.boxes.num_points > 0) for frame in frames]
    maps = [masks for frame in frames if (masks := _map_targets(frame)) is not None]
    sizes = tuple(
        tuple((image.shape[0], image.shape[1]) for image in frame.images) for frame in frames
    )
    images = _stack_images(frames, sizes)
    return Batch(
        points=torch.from_numpy(points),
        point_mask=torch.from_numpy(mask),
        images=images if raw_images else _scale_images(images),
        image_from_lidar=_stack([frame.image_from_lidar for frame in frames]),
        boxes=tuple(torch.from_numpy(boxes.boxes.astype(np.float32)) for boxes in seen),
        labels=tuple(torch.from_numpy(boxes.labels.astype(np.int64)) for boxes in seen),
        map_masks=torch.from_numpy(np.stack(maps)) if len(maps) == len(frames) else None,
        tokens=tuple(frame.token for frame in frames),
        image_sizes=sizes if len({size for views in sizes for size in views}) > 1 else (),
        camera_K=_stack([frame.camera_K for frame in frames]),
        camera_T_lidar=_stack([frame.camera_T_lidar for frame in frames]),
    )


def _stack(matrices: Sequence[np.ndarray]) -> Tensor:
    """(B, ...) float32."""
    return torch.from_numpy(np.stack(matrices).astype(np.float32))


def _map_targets(frame: Frame) -> Float32 | None:
    if frame.map_masks is None:
        return None
    targets = frame.map_masks.astype(np.float32)
    if frame.map_known is not None:
        targets[:, ~frame.map_known] = -1.0
    return targets


def _stack_images(frames: Sequence[Frame], sizes: Sequence[Sequence[tuple[int, int]]]) -> Tensor:
    height = max((size[0] for views in sizes for size in views), default=1)
    width = max((size[1] for views in sizes for size in views), default=1)
    stacked = np.zeros((len(frames), len(frames[0].images), height, width, 3), np.uint8)
    for i, frame in enumerate(frames):
        for v, image in enumerate(frame.images):
            stacked[i, v, : image.shape[0], : image.shape[1]] = image
    return torch.from_numpy(stacked).permute(0, 1, 4, 2, 3)


def _scale_images(images: Tensor) -> Tensor:
    """Convert uint8 images to float32 in 0..1; others stay as they are.

    The divisor is a tensor of the device: by a Python number, CUDA multiplies with the rounded
    reciprocal, which gives other bytes than the CPU.
    """
    if images.dtype != torch.uint8:
        return images
    return images.float().div_(torch.full((), 255.0, device=images.device))
