"""Unlabelled frames for pre-training: augmented views, and points compared between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from calico.config.model import GridConfig
from calico.config.training import AugmentConfig, RegionConfig, SampleConfig
from calico.data.augment import augment_frame
from calico.data.batch import Batch, collate_frames
from calico.data.source import FrameSource
from calico.frame import Bool, Boxes, Float32, Frame, Int64
from calico.regions import cached_regions
from calico.seeds import make_generator

LESS, UNUSED = -1, -2
"""Regions of semantic-less points and of empty slots."""


@dataclass(frozen=True)
class ContrastBatch:
    """B frames in one view or two, with S sampled points each.

    Attributes:
        views: Augmented sensor data, without any label.
        xy: Per view the (B, S, 2) places of the same points [m].
        region: (B, S) int64, from 0 in each frame. It is LESS outside regions and UNUSED in empty
            slots.
    """

    views: tuple[Batch, ...]
    xy: tuple[Tensor, ...]
    region: Tensor

    @property
    def tokens(self) -> tuple[str, ...]:
        """Names of the frames."""
        return self.views[0].tokens

    def to(self, device: torch.device | str) -> ContrastBatch:
        """Return the same batch on a device."""
        return replace(
            self,
            views=tuple(view.to(device) for view in self.views),
            xy=tuple(xy.to(device) for xy in self.xy),
            region=self.region.to(device),
        )


@dataclass(frozen=True)
class ContrastLoader:
    """Makes contrast batches.

    It reads neither boxes nor maps.

    Attributes:
        source: Frames to draw from.
        regions: Settings of the regions.
        samples: Settings of the sampled points.
        augment: Settings of the views.
        grid: Grid on which points must lie.
        seed: Seed of the run.
        stage: Name of the stage, part of the random streams.
        n_views: 2 for contrast, 1 for distillation.
        image_size: Height and width that the network sees [px]. None leaves the cameras out.
        cells_m: If set, every occupied square of this side is a region of its own (BEVContrast).
    """

    source: FrameSource
    regions: RegionConfig
    samples: SampleConfig
    augment: AugmentConfig
    grid: GridConfig
    seed: int
    stage: str
    n_views: Literal[1, 2]
    image_size: tuple[int, int] | None
    cells_m: float | None = None

    def __call__(
        self, epoch: int, positions: Sequence[int], indices: Sequence[int]
    ) -> ContrastBatch:
        """Make one batch (see `calico.train.task.Loader`)."""
        views: list[tuple[Frame, ...]] = []
        chosen: list[Int64] = []
        regions: list[Int64] = []
        for position, index in zip(positions, indices, strict=True):
            frame = remove_labels(self.source[index], cameras=self.image_size is not None)
            rng = make_generator(self.seed, self.stage, "view", epoch, position, frame.token)
            seen = tuple(
                augment_frame(frame, self.augment, None, rng, self.image_size)
                for _ in range(self.n_views)
            )
            ids = (
                np.arange(len(frame.points))
                if self.cells_m
                else cached_regions(frame, self.regions)
            )
            ids = ids.astype(np.int64)
            points = sample_points(
                [view.points for view in seen], ids, self.grid, self.samples, rng, self.cells_m
            )
            views.append(seen)
            chosen.append(points)
            regions.append(ids[points])
        return self._stack(views, chosen, regions)

    def _stack(
        self, views: list[tuple[Frame, ...]], chosen: list[Int64], regions: list[Int64]
    ) -> ContrastBatch:
        slots = max(1, *(len(points) for points in chosen))
        region = np.full((len(views), slots), UNUSED, np.int64)
        xy = np.zeros((self.n_views, len(views), slots, 2), np.float32)
        for row, (frames, points, ids) in enumerate(zip(views, chosen, regions, strict=True)):
            region[row, : len(points)] = ids
            for view, frame in enumerate(frames):
                xy[view, row, : len(points)] = frame.points[points, :2]
        return ContrastBatch(
            tuple(
                collate_frames([frames[view] for frames in views], raw_images=True)
                for view in range(self.n_views)
            ),
            tuple(torch.from_numpy(view) for view in xy),
            torch.from_numpy(region),
        )


def remove_labels(frame: Frame, *, cameras: bool) -> Frame:
    """Return a frame without boxes and map.

    Args:
        frame: Frame with labels.
        cameras: Whether the images stay.
    """
    frame = frame.replace(boxes=Boxes.empty(), map_masks=None, map_known=None)
    if cameras:
        return frame
    return frame.replace(
        images=(),
        camera_K=np.zeros((0, 3, 3)),
        camera_T_lidar=np.zeros((0, 4, 4)),
        camera_time_s=np.zeros(0),
    )


def sample_points(
    views: Sequence[Float32],
    region: Int64,
    grid: GridConfig,
    config: SampleConfig,
    rng: np.random.Generator,
    cell_m: float | None = None,
) -> Int64:
    """Choose the points of a frame that are compared.

    At most one point is taken per square of `cell_m` in the first view, and only points that every
    view has on the grid. Points in regions are taken in turns, one of each region per round, so
    that small objects appear [D].

    Args:
        views: The (N, 5) points of each view, in one order.
        region: (N,) region ids, negative outside regions.
        grid: Grid on which points must lie.
        config: Numbers of points.
        rng: Random numbers.
        cell_m: Side of a square [m]. The default is `config.cell_m`.

    Returns:
        At most `rich` indices of points in regions, then at most `less` of others.
    """
    inside = np.logical_and.reduce([_on_grid(points, grid) for points in views])
    order = rng.permutation(np.flatnonzero(inside))
    square = np.floor(views[0][order, :2] / (cell_m or config.cell_m)).astype(np.int64)
    order = order[np.sort(np.unique(square, axis=0, return_index=True)[1])]
    rich, less = order[region[order] >= 0], order[region[order] < 0]
    rich = rich[np.argsort(_turns(region[rich]), kind="stable")]
    return np.concatenate([rich[: config.rich], less[: config.less]])


def _turns(region: Int64) -> Int64:
    """For each point, how many points of its region stand before it."""
    _, group, counts = np.unique(region, return_inverse=True, return_counts=True)
    by_group = np.argsort(group, kind="stable")
    turns = np.empty(len(region), np.int64)
    turns[by_group] = np.arange(len(region)) - (np.cumsum(counts) - counts)[group[by_group]]
    return turns


def _on_grid(points: Float32, grid: GridConfig) -> Bool:
    (x_low, x_high), (y_low, y_high), (z_low, z_high) = (
        grid.x_range_m,
        grid.y_range_m,
        grid.z_range_m,
    )
    x, y, z = points[:, 0], points[:, 1], points[:, 2]
    result: Bool = (
        (x >= x_low) & (x < x_high) & (y >= y_low) & (y < y_high) & (z >= z_low) & (z < z_high)
    )
    return result
