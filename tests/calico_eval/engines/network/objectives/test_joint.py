"""Objectives on both tasks: their weights and the noise on the clean features."""

from __future__ import annotations

import math

import pytest
import torch

from calico.data.batch import collate_frames
from calico.frame import Boxes, Frame
from calico.models.calico import Outputs
from calico_eval.engines.network.objectives import Scene
from calico_eval.engines.network.objectives.detection import (
    hide,
)
from calico_eval.engines.network.objectives.joint import feat, multi
from calico_eval.engines.network.objectives.segmentation import seg
from calico_eval.engines.torch import TorchEngine


def test_multi_gives_both_tasks_a_gradient_of_length_one_on_the_clean_features(
    fused: TorchEngine, street_frame: Frame
) -> None:
    empty = street_frame.replace(boxes=Boxes.empty())
    scene = Scene(fused.model, collate_frames([street_frame, empty]))
    bev = scene.clean.bev.clone().requires_grad_(True)
    outputs = fused.model.run_heads(bev)
    (both,) = torch.autograd.grad(multi(scene, outputs).sum(), bev, retain_graph=True)
    (boxes,) = torch.autograd.grad(hide(scene, outputs).sum(), bev, retain_graph=True)
    (cells,) = torch.autograd.grad(seg(scene, outputs).sum(), bev)
    expected = boxes[0] / boxes[0].norm() + cells[0] / cells[0].norm()
    torch.testing.assert_close(both[0], expected, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(
        both[1], cells[1] / cells[1].norm(), rtol=1e-4, atol=1e-6
    )  # nothing to hide there


def test_feat_is_minus_the_cosine_with_the_clean_features_and_has_a_gradient_there(
    fused: TorchEngine, street_frame: Frame
) -> None:
    scene = Scene(fused.model, collate_frames([street_frame]))
    bev = scene.clean.bev.clone().requires_grad_(True)
    (value,) = feat(scene, Outputs((), None, bev))
    assert value.item() == pytest.approx(-1 / math.sqrt(1 + 0.01**2), abs=1e-5)
    (gradient,) = torch.autograd.grad(value, bev)
    assert float(gradient.norm() * bev.detach().norm()) == pytest.approx(
        0.01, rel=0.05
    )  # the sine of the angle
    bev = bev.detach()
    (opposite,) = feat(scene, Outputs((), None, -bev))
    assert float(opposite) == pytest.approx(1.0, abs=1e-4)
    again = feat(
        Scene(fused.model, collate_frames([street_frame, street_frame])),
        Outputs((), None, bev.expand(2, -1, -1, -1)),
    )
    torch.testing.assert_close(again, value.detach().expand(2), rtol=0, atol=1e-6)
