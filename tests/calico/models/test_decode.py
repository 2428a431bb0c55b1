from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from calico.config.model import DetectionConfig
from calico.data.targets import center_targets
from calico.geometry.grid import Grid
from calico.models.decode import decode_boxes
from calico.models.heads.center import TaskOutput
from calico.taxonomy import NUSCENES

GRID = Grid(-16.0, 16.0, -8.0, 8.0, 1.0)
CONFIG = DetectionConfig(max_boxes=30)


def encode(
    boxes: torch.Tensor, labels: torch.Tensor, config: DetectionConfig = CONFIG
) -> tuple[TaskOutput, ...]:
    """Maps that a perfect network would give for one frame."""
    outputs = []
    for names in config.tasks:
        ids = tuple(NUSCENES.names.index(name) for name in names)
        target = center_targets((boxes,), (labels,), ids, GRID, 0.1, 2)
        maps = torch.zeros(1, 10, *GRID.shape)
        maps.flatten(2)[0][:, target.cell] = target.terms.T
        heatmap = torch.logit(torch.where(target.heatmap == 1, 0.9, 0.01))
        outputs.append(TaskOutput(heatmap, *torch.split(maps, [2, 1, 3, 2, 2], dim=1)))
    return tuple(outputs)


def scene(count: int = 24) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(4)
    boxes = torch.rand(count, 9, generator=generator) * torch.tensor(
        [1.0, 1, 2, 2, 1, 1, 6.2, 4, 4]
    )
    boxes += torch.tensor([0.0, 0, -1, 0.5, 0.4, 0.5, -3.1, -2, -2])
    place = torch.randperm(32, generator=generator)[:count]  # one per 4 m x 4 m field
    boxes[:, 0] += (place % 8) * 4 - 14.0
    boxes[:, 1] += torch.div(place, 8, rounding_mode="floor") * 4 - 7.0
    return boxes, torch.randint(0, 10, (count,), generator=generator)


def test_decoding_recovers_the_boxes() -> None:
    boxes, labels = scene()
    found = decode_boxes(encode(boxes, labels), CONFIG, GRID, NUSCENES)
    kept = found.scores[0] > 0
    assert kept.sum() == len(boxes)
    assert found.residual.item() == 0
    for box, label in zip(boxes, labels, strict=True):
        nearest = (found.boxes[0][kept][:, :2] - box[:2]).norm(dim=1).argmin()
        np.testing.assert_allclose(found.boxes[0][kept][nearest], box, atol=1e-4)
        assert found.labels[0][kept][nearest] == label


def test_unused_slots_are_zero_and_scores_fall() -> None:
    boxes, labels = scene(3)
    found = decode_boxes(encode(boxes, labels), CONFIG, GRID, NUSCENES)
    assert found.boxes.shape == (1, 180, 9)
    assert (found.boxes[0, 3:] == 0).all()
    assert (found.scores[0, 3:] == 0).all()
    assert (found.scores.diff() <= 0).all()


def test_overlapping_boxes_of_a_task_are_suppressed_those_of_another_task_are_not() -> None:
    boxes = torch.tensor([[0.2, 0.2, 0, 4, 2, 1.5, 0, 0, 0], [1.2, 0.2, 0, 4, 2, 1.5, 0, 0, 0]])
    same = decode_boxes(encode(boxes, torch.tensor([0, 0])), CONFIG, GRID, NUSCENES)
    other = decode_boxes(encode(boxes, torch.tensor([0, 1])), CONFIG, GRID, NUSCENES)
    assert (same.scores > 0).sum() == 1
    assert (other.scores > 0).sum() == 2


def test_a_huge_size_stays_finite() -> None:
    outputs = encode(*scene(2))
    broken = [
        TaskOutput(o.heatmap, o.offset, o.height, o.log_size + 500, o.yaw, o.velocity)
        for o in outputs
    ]
    boxes = decode_boxes(tuple(broken), CONFIG, GRID, NUSCENES).boxes
    assert torch.isfinite(boxes).all()
    assert boxes[..., 3:6].max().item() == pytest.approx(math.exp(4.0), rel=1e-5)


def test_boxes_of_a_score_above_the_threshold_are_kept() -> None:
    boxes, labels = torch.tensor([[0.2, 0.2, 0, 4, 2, 1.5, 0.5, 0, 0]]), torch.tensor([0])
    outputs = encode(boxes, labels)  # a score of 0.9 at the car, 0.01 elsewhere
    for threshold, kept in ((0.0, 180), (0.02, 1), (0.89, 1), (0.91, 0)):
        config = DetectionConfig(max_boxes=30, score_threshold=threshold, nms_iou=1.0)
        assert (decode_boxes(outputs, config, GRID, NUSCENES).scores > 0).sum() == kept


def test_one_task_of_one_class_with_few_cells() -> None:
    config = DetectionConfig(tasks=(("car",),), max_boxes=5000)
    boxes = torch.tensor([[0.2, 0.2, 0, 4, 2, 1.5, 0.5, 0, 0]])
    found = decode_boxes(encode(boxes, torch.tensor([0]), config), config, GRID, NUSCENES)
    assert found.scores.shape == (1, 500)
    np.testing.assert_allclose(found.boxes[0, 0], boxes[0], atol=1e-4)
