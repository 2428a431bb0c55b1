from __future__ import annotations

import numpy as np
import pytest
import torch
from shapely.geometry import Polygon

from calico.geometry.boxes import box_corners
from calico.models.overlap import bev_iou, suppress_overlaps


def random_boxes(count: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    low = torch.tensor([0.0, 0, 0, 0.3, 0.3, 1, -3.14, 0, 0])
    size = torch.tensor([8.0, 8, 1, 5, 2, 1, 6.28, 0, 0])
    return torch.rand(count, 9, generator=generator) * size + low


def test_overlap_is_shapelys() -> None:
    boxes = random_boxes(40, 0)
    boxes[10:14] = boxes[:4]  # equal
    boxes[14:18] = boxes[:4]
    boxes[14:18, 6] += np.pi  # turned about
    boxes[18:22] = boxes[:4]
    boxes[18:22, 3] /= 2  # inside, sharing edges
    shapes = [Polygon(quad) for quad in box_corners(boxes.numpy())[:, :4, :2]]
    expected = [[a.intersection(b).area / a.union(b).area for b in shapes] for a in shapes]
    np.testing.assert_allclose(bev_iou(boxes), expected, atol=2e-3)


def greedy(iou: np.ndarray, valid: np.ndarray, threshold: float) -> np.ndarray:
    keep = valid.copy()
    for i in range(len(iou)):
        if keep[i]:
            keep[i + 1 :] &= iou[i, i + 1 :] <= threshold
    return keep


@pytest.mark.parametrize("seed", range(4))
def test_rounds_are_greedy_suppression(seed: int) -> None:
    boxes = random_boxes(60, seed)
    valid = torch.arange(60) < 55
    iou = bev_iou(boxes)
    keep, residual = suppress_overlaps(iou[None], valid[None].float(), 0.1, 16)
    assert residual.item() == 0
    np.testing.assert_array_equal(keep[0].bool(), greedy(iou.numpy(), valid.numpy(), 0.1))
    assert 5 < keep.sum() < 50


def test_a_chain_deeper_than_the_rounds_is_reported() -> None:
    """Box i overlaps box i + 1 only: greedy keeps every second one, and each round settles one
    more."""
    chain = torch.diag(torch.ones(19), 1)
    keep, residual = suppress_overlaps(chain, torch.ones(20), 0.5, 20)
    assert keep.tolist() == [1.0, 0.0] * 10
    assert residual.item() == 0
    assert suppress_overlaps(chain, torch.ones(20), 0.5, 4)[1].item() > 0
