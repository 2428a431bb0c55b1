"""Find the heat-map cells that belong to an object, and the outputs that belong to a frame."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from calico.config.schema import Config
from calico.frame import Bool, Float32, Int64
from calico.models.calico import Outputs
from calico_eval.metrics.detected_objects import NEAR_M
from calico_eval.metrics.false_target import false_target

AT_TARGET_M = 1.0
"""Cells whose centre is this close to the place of a false object count as its own.

A box from there is within 2 m of it.
"""


def class_names(config: Config) -> list[str]:
    """List the class of every heat-map channel, task after task."""
    tasks = () if config.model.detection is None else config.model.detection.tasks
    return [name for names in tasks for name in names]


def target_class(config: Config) -> str | None:
    """Name the class of a false object: the taxonomy's first vehicle, if the model knows it."""
    taxonomy = config.taxonomy.build()
    name = None if taxonomy.target is None else taxonomy.names[taxonomy.target]
    return name if name in class_names(config) else None


def class_logits(outputs: Outputs) -> Tensor:
    """Join the heat maps: (B, classes, Y * X) logits, classes in the order of `class_names`."""
    return torch.cat([task.heatmap.flatten(2) for task in outputs.tasks], dim=1)


def flat_logits(outputs: Outputs) -> Tensor:
    """Join the heat maps into one row per frame: (B, classes * Y * X) logits."""
    return class_logits(outputs).flatten(1)


def frame_of(outputs: Outputs, index: int) -> Outputs:
    """Select the outputs of one frame.

    Args:
        outputs: Outputs of a batch.
        index: Position of the frame in the batch.

    Returns:
        The outputs as a batch of one.
    """
    one = slice(index, index + 1)
    tasks = tuple(
        type(task)(**{name: value[one] for name, value in vars(task).items()})
        for task in outputs.tasks
    )
    return Outputs(
        tasks, None if outputs.map_logits is None else outputs.map_logits[one], outputs.bev[one]
    )


def hide_targets(xy_m: Float32, labels: Int64, config: Config) -> Sequence[tuple[str, Bool]]:
    """Find every object on the trunk grid whose class the model knows, and its cells.

    The cells are those whose centre is within NEAR_M of the object's, and the one it lies in.

    Args:
        xy_m: (M, 2) centres [m, LiDAR frame].
        labels: (M,) indices into the taxonomy.
        config: Configuration of the model.

    Returns:
        Class name and (Y, X) mask of cells for each of these objects.
    """
    names = class_names(config)
    return [(names[channel], cells) for _, channel, cells in near_objects(xy_m, labels, config)]


def false_object_fits(xy_m: Float32, config: Config) -> bool:
    """Tell whether the model knows the false object's class and its place is free and on the grid.

    Args:
        xy_m: (M, 2) centres of the true objects [m, LiDAR frame].
        config: Configuration of the model.

    Returns:
        Whether a false object can be asked for.
    """
    place = false_target(xy_m)
    grid = config.grid.pillars.coarsen_by(config.model.bev.out_stride)
    return (
        target_class(config) is not None
        and place is not None
        and bool(grid.locate_cells(np.array([place]))[2][0])
    )


def near_objects(xy_m: Float32, labels: Int64, config: Config) -> list[tuple[int, int, Bool]]:
    """Find the objects of `hide_targets` with their rows and channels.

    Args:
        xy_m: (M, 2) centres [m, LiDAR frame].
        labels: (M,) indices into the taxonomy.
        config: Configuration of the model.

    Returns:
        Row in the inputs, heat-map channel and (Y, X) mask of cells for each of these objects.
    """
    channels = {name: index for index, name in enumerate(class_names(config))}
    known = config.taxonomy.build().names
    grid = config.grid.pillars.coarsen_by(config.model.bev.out_stride)
    return [
        (row, channels[known[label]], cells_around(xy, NEAR_M, config))
        for row, (xy, label, inside) in enumerate(
            zip(xy_m, labels, grid.locate_cells(xy_m)[2], strict=True)
        )
        if inside and known[label] in channels
    ]


def cells_around(xy: npt.NDArray[np.floating], distance_m: float, config: Config) -> Bool:
    """Mark the cells near a place on the grid.

    Args:
        xy: (2,) place [m, LiDAR frame].
        distance_m: Largest distance of a cell's centre [m].
        config: Configuration of the model.

    Returns:
        (Y, X) mask of the cells within the distance and of the one that the place lies in.
    """
    grid = config.grid.pillars.coarsen_by(config.model.bev.out_stride)
    cells: Bool = np.linalg.norm(grid.cell_centers() - xy, axis=-1) <= distance_m
    (row,), (column,), _ = grid.locate_cells(xy[None])
    cells[row, column] = True
    return cells


def stack_rows(rows: Sequence[Tensor]) -> Tensor:
    """Stack rows of unequal length: (M, K) int64, short rows filled with their first entry."""
    width = max((len(row) for row in rows), default=1)
    filled = [torch.cat([row, row[:1].expand(width - len(row))]) for row in rows]
    return torch.stack(filled) if filled else torch.zeros(0, width, dtype=torch.int64)
