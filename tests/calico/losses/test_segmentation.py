from __future__ import annotations

import math

import pytest
import torch
import torchvision

from calico.losses.segmentation import sigmoid_focal_loss


def test_by_hand() -> None:
    logits, target = (
        torch.tensor([0.7, -1.5]).reshape(1, 2, 1, 1),
        torch.tensor([1.0, 1.0]).reshape(1, 2, 1, 1),
    )
    expected = 0.0
    for logit in (0.7, -1.5):
        p = 1 / (1 + math.exp(-logit))
        expected -= (1 - p) ** 2 * math.log(p)
    assert sigmoid_focal_loss(logits, target, 2.0).item() == pytest.approx(expected, rel=1e-5)


def test_torchvisions_without_class_balance() -> None:
    logits = torch.randn(2, 3, 5, 7) * 3
    target = (torch.rand(2, 3, 5, 7) < 0.4).float()
    elements = torchvision.ops.sigmoid_focal_loss(logits, target, alpha=-1, gamma=2.0)
    torch.testing.assert_close(
        sigmoid_focal_loss(logits, target, 2.0), elements.mean((0, 2, 3)).sum()
    )


def test_gradient_is_finite_where_the_answer_is_certain() -> None:
    logits = torch.tensor([90.0, -90.0, 90.0, -90.0]).reshape(1, 1, 2, 2).requires_grad_()
    target = torch.tensor([1.0, 0.0, 0.0, 1.0]).reshape(1, 1, 2, 2)
    sigmoid_focal_loss(logits, target, 2.0).backward()
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_unknown_cells_count_nothing() -> None:
    logits = torch.randn(1, 2, 4, 6)
    target = (torch.rand(1, 2, 4, 6) < 0.5).float()
    target[:, 1, :, 3:] = -1.0
    expected = sigmoid_focal_loss(logits[:, :1], target[:, :1], 2.0) + sigmoid_focal_loss(
        logits[:, 1:, :, :3], target[:, 1:, :, :3], 2.0
    )
    torch.testing.assert_close(sigmoid_focal_loss(logits, target, 2.0), expected)
    assert sigmoid_focal_loss(logits, torch.full_like(target, -1.0), 2.0).item() == 0
