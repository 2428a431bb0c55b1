"""From heat maps to boxes, with a fixed number of slots and without data-dependent shapes.

The same operations run in torch and in an exported graph.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from calico.config.model import DetectionConfig
from calico.geometry.grid import Grid
from calico.models.heads.center import TaskOutput
from calico.models.overlap import bev_iou, suppress_overlaps
from calico.taxonomy import Taxonomy

MAX_DETECTIONS = 500
"""Boxes a frame, as the nuScenes benchmark allows."""
LOG_SIZE_LIMIT = 4.0


@dataclass(frozen=True)
class Detections:
    """M slots per frame, by falling score.

    Unused slots are zero.

    Attributes:
        boxes: (B, M, 9) boxes.
        scores: (B, M) scores.
        labels: (B, M) int64 labels, indices into the taxonomy.
        residual: (B,) boxes whose suppression was not resolved within `nms_rounds` (longer chains).
            0 means that the result equals that of greedy NMS.
    """

    boxes: Tensor
    scores: Tensor
    labels: Tensor
    residual: Tensor


def decode_boxes(
    tasks: tuple[TaskOutput, ...], config: DetectionConfig, grid: Grid, taxonomy: Taxonomy
) -> Detections:
    """Turn the head's output maps into boxes.

    Rotated NMS by rounds (`calico.models.overlap.suppress_overlaps`) replaces CenterPoint's circle
    NMS and needs no loop.

    Args:
        tasks: Output maps of the head, one per task.
        config: Settings of the head.
        grid: Grid of the trunk.
        taxonomy: Gives the labels of the tasks' classes.
    """
    ids = [[taxonomy.names.index(name) for name in names] for names in config.tasks]
    candidates = [_candidates(*pair, config, grid) for pair in zip(tasks, ids, strict=True)]
    most = max(boxes.shape[1] for boxes, _, _ in candidates)
    boxes, scores, labels = (
        torch.stack([_pad(item[part], most) for item in candidates], dim=1) for part in range(3)
    )
    valid = (scores > config.score_threshold).to(scores.dtype)
    keep, residual = suppress_overlaps(bev_iou(boxes), valid, config.nms_iou, config.nms_rounds)
    scores = (scores * keep).flatten(1)
    best, order = torch.topk(scores, min(MAX_DETECTIONS, scores.shape[1]), dim=1)
    boxes = (
        torch.gather(boxes.flatten(1, 2), 1, order[..., None].expand(-1, -1, 9))
        * (best > 0)[..., None]
    )
    labels = torch.gather(labels.flatten(1), 1, order) * (best > 0)
    return Detections(boxes, best, labels, residual.sum(1))


def count_slots(config: DetectionConfig, grid: Grid) -> int:
    """Return M, the number of slots per frame that `decode_boxes` fills.

    Args:
        config: Settings of the detection head.
        grid: Grid of the trunk.
    """
    rows, columns = grid.shape
    most = max(
        (min(config.max_boxes, len(names) * rows * columns) for names in config.tasks), default=0
    )
    return min(MAX_DETECTIONS, most * len(config.tasks))


def _pad(values: Tensor, slots: int) -> Tensor:
    missing = slots - values.shape[1]
    if missing == 0:
        return values
    return torch.cat([values, values.new_zeros(values.shape[0], missing, *values.shape[2:])], dim=1)


def _candidates(
    task: TaskOutput, ids: list[int], config: DetectionConfig, grid: Grid
) -> tuple[Tensor, Tensor, Tensor]:
    """Return boxes (B, K, 9), scores (B, K) and labels (B, K) of one task's best cells.

    Args:
        task: Output maps of the task.
        ids: Labels of its classes.
        config: Settings of the detection head.
        grid: Grid of the trunk.
    """
    rows, columns = grid.shape
    cells = rows * columns
    logits, place = torch.topk(
        task.heatmap.flatten(1), min(config.max_boxes, task.heatmap[0].numel()), dim=1
    )
    cell = place % cells
    terms = torch.cat(
        [task.offset, task.height, task.log_size, task.yaw, task.velocity], dim=1
    ).flatten(2)
    picked = torch.gather(terms, 2, cell[:, None].expand(-1, terms.shape[1], -1))
    column, row = cell % columns, torch.div(cell, columns, rounding_mode="floor")
    x = (column + picked[:, 0]) * grid.cell_m + grid.x_min_m
    y = (row + picked[:, 1]) * grid.cell_m + grid.y_min_m
    size = picked[:, 3:6].clamp(-LOG_SIZE_LIMIT, LOG_SIZE_LIMIT).exp()
    yaw = torch.atan2(picked[:, 6], picked[:, 7])
    boxes = torch.stack(
        [x, y, picked[:, 2], size[:, 0], size[:, 1], size[:, 2], yaw, picked[:, 8], picked[:, 9]],
        -1,
    )
    labels = torch.tensor(ids, device=cell.device)
    return boxes, torch.sigmoid(logits), labels[torch.div(place, cells, rounding_mode="floor")]
