"""Rotated overlap in the bird's-eye view, and suppression, in plain tensor operations.

There is no sort, no loop over boxes and no NMS operator, so that the code exports.
"""

from __future__ import annotations

import torch
from torch import Tensor

TOLERANCE_M = 1e-4


def bev_iou(boxes: Tensor) -> Tensor:
    """Turn (..., K, 9) boxes into the (..., K, K) intersections over union of their footprints.

    By Green's theorem the outline of the intersection of two rectangles is the part of a's edges
    inside b and the part of b's edges inside a. Each part, from p to q, adds (p x q) / 2 to the
    area. Edges are clipped with a tolerance of 0.1 mm (b against a shrunk by it, a against b grown
    by it), so that edges that coincide count once. The error is about 0.1 mm times the outline.
    """
    a, b = boxes[..., :, None, :], boxes[..., None, :, :]
    shift = b[..., :2] - a[..., :2]
    turn = b[..., 6] - a[..., 6]
    cos, sin = torch.cos(turn), torch.sin(turn)
    cos_a, sin_a = torch.cos(a[..., 6]), torch.sin(a[..., 6])
    x = shift[..., 0] * cos_a + shift[..., 1] * sin_a
    y = -shift[..., 0] * sin_a + shift[..., 1] * cos_a
    inter = _clipped(b, a, cos, sin, x, y, -TOLERANCE_M)
    back_x, back_y = -(x * cos + y * sin), x * sin - y * cos
    inter = inter + _clipped(a, b, cos, -sin, back_x, back_y, TOLERANCE_M)
    area = (boxes[..., 3] * boxes[..., 4]).clamp(min=1e-6)
    inter = torch.minimum(
        inter.clamp(min=0.0), torch.minimum(area[..., :, None], area[..., None, :])
    )
    return inter / (area[..., :, None] + area[..., None, :] - inter)


def _clipped(
    inner: Tensor, outer: Tensor, cos: Tensor, sin: Tensor, x: Tensor, y: Tensor, grow: float
) -> Tensor:
    """Return half the sum of p x q over inner's edges, clipped to outer grown by `grow`.

    The sum is taken about the midpoint of the two centres. In outer's frame inner's centre is
    (x, y), turned by (cos, sin).
    """
    along = inner.new_tensor([1.0, 1.0, -1.0, -1.0]) * inner[..., 3, None] / 2
    across = inner.new_tensor([-1.0, 1.0, 1.0, -1.0]) * inner[..., 4, None] / 2
    step_along = inner.new_tensor([0.0, -1.0, 0.0, 1.0]) * inner[..., 3, None]
    step_across = inner.new_tensor([1.0, 0.0, -1.0, 0.0]) * inner[..., 4, None]
    cos, sin, x, y = cos[..., None], sin[..., None], x[..., None], y[..., None]
    px, py = x + along * cos - across * sin, y + along * sin + across * cos
    step_x, step_y = step_along * cos - step_across * sin, step_along * sin + step_across * cos
    low_x, high_x = _slab(px, step_x, outer[..., 3, None] / 2 + grow)
    low_y, high_y = _slab(py, step_y, outer[..., 4, None] / 2 + grow)
    low, high = (
        torch.maximum(low_x, low_y).clamp(min=0.0),
        torch.minimum(high_x, high_y).clamp(max=1.0),
    )
    return ((high - low).clamp(min=0.0) * ((px - x / 2) * step_y - (py - y / 2) * step_x)).sum(
        -1
    ) / 2


def _slab(start: Tensor, step: Tensor, limit: Tensor) -> tuple[Tensor, Tensor]:
    """The t at which the line start + t step enters and leaves -limit..limit."""
    safe = torch.where(step.abs() < 1e-9, 1e-9, step)
    t1, t2 = (-limit - start) / safe, (limit - start) / safe
    return torch.minimum(t1, t2), torch.maximum(t1, t2)


def suppress_overlaps(
    iou: Tensor, valid: Tensor, threshold: float, rounds: int
) -> tuple[Tensor, Tensor]:
    """Suppress overlapping boxes greedily, in rounds.

    Args:
        iou: (..., K, K) overlaps of boxes sorted by falling score.
        valid: (..., K) float, 1 for boxes that take part.
        threshold: Overlap above which a box is suppressed.
        rounds: Chains of suppression up to this depth come out exactly as in greedy NMS.

    Returns:
        (..., K) float, 1 for boxes that are kept. (...,) number of boxes that one more round would
        change.
    """
    k = iou.shape[-1]
    above = torch.triu(torch.ones(k, k, device=iou.device, dtype=iou.dtype), diagonal=1)
    overlaps = (iou > threshold).to(iou.dtype) * above * valid[..., :, None]
    keep = valid
    for _ in range(rounds):
        keep = _round(keep, overlaps, valid)
    residual = (keep - _round(keep, overlaps, valid)).abs().sum(-1)
    return keep, residual


def _round(keep: Tensor, overlaps: Tensor, valid: Tensor) -> Tensor:
    suppressed = torch.matmul(keep[..., None, :], overlaps)[..., 0, :]
    return valid * (suppressed < 0.5).to(valid.dtype)
