from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from calico.data.targets import center_targets, gaussian_radius
from calico.geometry.grid import Grid

GRID = Grid(-8.0, 8.0, -4.0, 4.0, 0.5)


def scene(count: int = 30) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    low, size = (
        torch.tensor([-9.0, -5, -2, 0.3, 0.3, 1, -3, -1, -1]),
        torch.tensor([18.0, 10, 2, 8, 3, 2, 6, 2, 2]),
    )
    return torch.rand(count, 9, generator=generator) * size + low, torch.randint(
        0, 4, (count,), generator=generator
    )


def radius_by_hand(length: float, width: float, overlap: float) -> float:
    """CornerNet's three quadratics, with the roots as its code takes them."""
    roots = [
        (b + math.sqrt(b * b - 4 * a * c)) / 2
        for a, b, c in (
            (1.0, length + width, length * width * (1 - overlap) / (1 + overlap)),
            (4.0, 2 * (length + width), (1 - overlap) * length * width),
            (4 * overlap, -2 * overlap * (length + width), (overlap - 1) * length * width),
        )
    ]
    return min(roots)


def test_radius_is_cornernets() -> None:
    length, width = torch.tensor([9.0, 1.5, 20.0, 4.0]), torch.tensor([4.0, 1.5, 5.0, 0.3])
    expected = [radius_by_hand(float(a), float(b), 0.1) for a, b in zip(length, width, strict=True)]
    assert gaussian_radius(length, width, 0.1).tolist() == pytest.approx(expected, rel=1e-5)


def test_heatmap_equals_a_loop_over_objects_and_cells() -> None:
    boxes, labels = scene()
    target = center_targets((boxes, boxes[:15]), (labels, labels[:15]), (2, 0), GRID, 0.1, 2)
    for frame, count in enumerate((30, 15)):
        expected = np.zeros((2, 16, 32))
        for box, label in zip(boxes[:count].tolist(), labels[:count].tolist(), strict=True):
            cx, cy = math.floor((box[0] + 8) / 0.5), math.floor((box[1] + 4) / 0.5)
            if label not in (2, 0) or not (0 <= cx < 32 and 0 <= cy < 16):
                continue
            radius = max(2, int(radius_by_hand(box[3] / 0.5, box[4] / 0.5, 0.1)))
            sigma = (2 * radius + 1) / 6
            for iy in range(16):
                for ix in range(32):
                    if abs(ix - cx) <= radius and abs(iy - cy) <= radius:
                        value = math.exp(-((ix - cx) ** 2 + (iy - cy) ** 2) / (2 * sigma**2))
                        channel = (2, 0).index(label)
                        expected[channel, iy, ix] = max(expected[channel, iy, ix], value)
        assert (expected == 1).sum() >= 1
        np.testing.assert_allclose(target.heatmap[frame], expected, atol=1e-6)


def test_terms_describe_the_boxes_at_their_cells() -> None:
    boxes, labels = scene()
    target = center_targets((boxes,), (labels,), (1, 3), GRID, 0.1, 2)
    inside = (boxes[:, 0].abs() < 8) & (boxes[:, 1].abs() < 4) & ((labels == 1) | (labels == 3))
    wanted = boxes[inside]
    assert 3 < len(wanted) == len(target.cell)
    x = (target.cell % 32 + target.terms[:, 0]) * 0.5 - 8
    y = (target.cell // 32 + target.terms[:, 1]) * 0.5 - 4
    torch.testing.assert_close(torch.stack([x, y, target.terms[:, 2]], 1), wanted[:, :3])
    torch.testing.assert_close(target.terms[:, 3:6].exp(), wanted[:, 3:6])
    torch.testing.assert_close(torch.atan2(target.terms[:, 6], target.terms[:, 7]), wanted[:, 6])
    torch.testing.assert_close(target.terms[:, 8:], wanted[:, 7:9])
    assert target.heatmap.amax() == 1.0
    assert (target.terms[:, :2] >= 0).all()
    assert (target.terms[:, :2] < 1).all()


def test_no_objects() -> None:
    target = center_targets(
        (torch.zeros(0, 9),), (torch.zeros(0, dtype=torch.int64),), (0,), GRID, 0.1, 2
    )
    assert target.heatmap.shape == (1, 1, 16, 32)
    assert target.heatmap.sum() == 0
    assert target.cell.shape == (0,)
    assert target.terms.shape == (0, 10)
