"""Targets of the detection head: Gaussian heat maps and box terms at objects' centres."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from calico.config.model import DetectionConfig
from calico.geometry.grid import Grid
from calico.taxonomy import Taxonomy


@dataclass(frozen=True)
class TaskTarget:
    """Targets of one task for B frames with M objects in all.

    Attributes:
        heatmap: (B, classes, Y, X) values in 0..1, 1 at centres.
        frame: (M,) int64 frame of each object.
        cell: (M,) int64 cell of each object (row * X + column).
        terms: (M, 10) offset x, y [cells], z [m], log of length, width, height [m], sine and cosine
            of the yaw, vx, vy [m/s] (NaN where unknown).
    """

    heatmap: Tensor
    frame: Tensor
    cell: Tensor
    terms: Tensor

    def to(self, device: torch.device | str) -> TaskTarget:
        """Return the same targets on a device."""
        return TaskTarget(
            *(
                one.to(device, non_blocking=True)
                for one in (self.heatmap, self.frame, self.cell, self.terms)
            )
        )


@dataclass(frozen=True)
class TargetMaker:
    """Makes the targets of all tasks of a detection head, where the labels are: in a loader.

    Attributes:
        tasks: Labels of each task, in the order of its heat maps.
        grid: Grid of the trunk.
        overlap: `model.detection.gaussian_overlap`.
        min_radius: `model.detection.min_radius` [cells].
    """

    tasks: tuple[tuple[int, ...], ...]
    grid: Grid
    overlap: float
    min_radius: int

    @staticmethod
    def from_config(config: DetectionConfig, grid: Grid, taxonomy: Taxonomy) -> TargetMaker:
        """Take the settings of a head.

        Args:
            config: Settings of the head.
            grid: Grid of the trunk.
            taxonomy: Gives the labels of the tasks' classes.
        """
        tasks = tuple(tuple(taxonomy.names.index(name) for name in task) for task in config.tasks)
        return TargetMaker(tasks, grid, config.gaussian_overlap, config.min_radius)

    def make_targets(
        self, boxes: tuple[Tensor, ...], labels: tuple[Tensor, ...]
    ) -> tuple[TaskTarget, ...]:
        """Make the targets of every task.

        Args:
            boxes: Per frame the (M, 9) boxes.
            labels: Per frame the (M,) labels.
        """
        return tuple(
            center_targets(boxes, labels, ids, self.grid, self.overlap, self.min_radius)
            for ids in self.tasks
        )


def gaussian_radius(length: Tensor, width: Tensor, overlap: float) -> Tensor:
    """Return the largest shift of both corners that keeps a given overlap.

    There are three cases (both corners outside, both inside, one of each), and the smallest shift
    counts.

    Args:
        length: (M,) length of footprints [cells].
        width: (M,) width of footprints [cells].
        overlap: Intersection over union to keep.

    Source:
        CornerNet (Law and Deng 2018). The roots are divided by 2, not by 2 a, as in the code of
        CornerNet and CenterPoint.
    """
    total, area = length + width, length * width
    b1, c1 = total, area * (1 - overlap) / (1 + overlap)
    r1 = (b1 + torch.sqrt(b1**2 - 4 * c1)) / 2
    b2, c2 = 2 * total, (1 - overlap) * area
    r2 = (b2 + torch.sqrt(b2**2 - 16 * c2)) / 2
    a3, b3, c3 = 4 * overlap, -2 * overlap * total, (overlap - 1) * area
    r3 = (b3 + torch.sqrt(b3**2 - 4 * a3 * c3)) / 2
    return torch.minimum(torch.minimum(r1, r2), r3)


def center_targets(
    boxes: tuple[Tensor, ...],
    labels: tuple[Tensor, ...],
    class_ids: tuple[int, ...],
    grid: Grid,
    overlap: float,
    min_radius: int,
) -> TaskTarget:
    """Make the targets of one task.

    Args:
        boxes: Per frame the (M, 9) boxes. Boxes of other classes, or with their centre off the
            grid, are left out.
        labels: Per frame the (M,) labels.
        class_ids: Labels of this task, in the order of its heat maps.
        grid: Grid of the trunk.
        overlap: `model.detection.gaussian_overlap`.
        min_radius: `model.detection.min_radius` [cells].
    """
    heatmaps, frames, cells, terms = [], [], [], []
    rows, columns = grid.shape
    for index, (box, label) in enumerate(zip(boxes, labels, strict=True)):
        local = torch.full_like(label, -1)
        for position, class_id in enumerate(class_ids):
            local[label == class_id] = position
        place_x = (box[:, 0] - grid.x_min_m) / grid.cell_m
        place_y = (box[:, 1] - grid.y_min_m) / grid.cell_m
        keep = (
            (local >= 0) & (place_x >= 0) & (place_x < columns) & (place_y >= 0) & (place_y < rows)
        )
        box, local, place_x, place_y = box[keep], local[keep], place_x[keep], place_y[keep]
        ix, iy = place_x.floor().long(), place_y.floor().long()
        radius = gaussian_radius(box[:, 3] / grid.cell_m, box[:, 4] / grid.cell_m, overlap)
        radius = radius.floor().clamp(min=min_radius)
        heatmaps.append(_draw(ix, iy, radius, local, len(class_ids), grid.shape))
        offset = torch.stack([place_x - ix, place_y - iy], 1)
        log_size = box[:, 3:6].clamp(min=math.exp(-4.0)).log()
        yaw = torch.stack([box[:, 6].sin(), box[:, 6].cos()], 1)
        terms.append(torch.cat([offset, box[:, 2:3], log_size, yaw, box[:, 7:9]], 1))
        cells.append(iy * columns + ix)
        frames.append(torch.full_like(ix, index))
    return TaskTarget(torch.stack(heatmaps), torch.cat(frames), torch.cat(cells), torch.cat(terms))


def _draw(
    ix: Tensor, iy: Tensor, radius: Tensor, local: Tensor, classes: int, shape: tuple[int, int]
) -> Tensor:
    """Return (classes, Y, X) heat maps: the highest Gaussian of a class at every cell.

    Gaussians are cut to a square of their radius and have the sigma (2 r + 1) / 6.
    """
    dx = torch.arange(shape[1], device=ix.device)[None] - ix[:, None]
    dy = torch.arange(shape[0], device=ix.device)[None] - iy[:, None]
    sigma = ((2 * radius + 1) / 6)[:, None]
    gauss_x = torch.exp(-(dx**2) / (2 * sigma**2)) * (dx.abs() <= radius[:, None])
    gauss_y = torch.exp(-(dy**2) / (2 * sigma**2)) * (dy.abs() <= radius[:, None])
    heatmap = radius.new_zeros(classes, *shape)
    for index in range(classes):
        mine = local == index
        if mine.any():
            heatmap[index] = (gauss_y[mine][:, :, None] * gauss_x[mine][:, None, :]).amax(0)
    return heatmap
