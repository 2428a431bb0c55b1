"""Every objective of the table on the real network."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor

from calico.data.batch import collate_frames
from calico.data.source import FrameSource
from calico.frame import Frame
from calico_eval.attacks import AttackSpec, Threat, attack_frames
from calico_eval.attacks.success.counts import count_new_false_boxes
from calico_eval.attacks.success.rates import SUCCESS_OF
from calico_eval.engines.network.objectives import OBJECTIVES, Scene
from calico_eval.engines.torch import TorchEngine
from calico_eval.metrics.nuscenes import class_ranges

RANGES = class_ranges(16.0)


THREATS = dict.fromkeys(OBJECTIVES, Threat(range_m=0.3)) | {
    "loc": Threat(camera_levels=32),  # points that jitter by 0.3 m turn boxes by themselves
    "feat": Threat(camera_levels=16),
    "create": Threat(axis_m=1.0),
    "create_at": Threat(axis_m=1.0),
    "flip": Threat(axis_m=1.0),
}


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_an_attack_succeeds_more_often_than_noise(
    fused: TorchEngine, street: FrameSource, name: str
) -> None:
    """By a factor of 1.5 on two frames, against the mean of two draws of noise."""
    steps = 20 if name in ("create", "create_at", "feat") else 10
    frames, spec = [street[1], street[4]], AttackSpec("pgd", THREATS[name], name, steps=steps)
    before = fused.predict(frames)

    def rate(one: AttackSpec, seed: int) -> float:
        results = attack_frames(fused, frames, one, seed)
        after = fused.predict([result.frame for result in results])
        each = list(zip(frames, before, after, strict=True))
        for details in (result.details for result in results if one is spec):
            assert details.objective == name
            assert details.loss_clean is not None
            assert details.loss_attacked is not None
            assert details.loss_attacked > details.loss_clean
        if name == "create":  # the share of frames is 1 for both
            return float(sum(count_new_false_boxes(*frame, RANGES) for frame in each))
        hits, trials = np.sum([SUCCESS_OF[name].counts(*frame, RANGES) for frame in each], axis=0).T
        return float((hits / trials).mean())

    noise = dataclasses.replace(spec, name="noise")
    assert rate(spec, 0) > 1.5 * np.mean([rate(noise, 0), rate(noise, 1)])


@pytest.mark.parametrize("name", sorted(set(OBJECTIVES) - {"feat"}))
def test_a_small_step_along_the_gradient_raises_the_objective(
    fused: TorchEngine, street_frame: Frame, name: str
) -> None:
    """In the trunk's features, where the heads are smooth; for "feat" see its own test."""
    scene = Scene(fused.model, collate_frames([street_frame]))
    bev = scene.clean.bev.clone().requires_grad_(True)
    loss = OBJECTIVES[name].loss
    (before,) = loss(scene, fused.model.run_heads(bev))
    (gradient,) = torch.autograd.grad(before, bev)
    with torch.no_grad():
        (after,) = loss(scene, fused.model.run_heads(bev + 1e-2 * gradient / gradient.norm()))
    assert float(after - before.detach()) == pytest.approx(1e-2 * float(gradient.norm()), rel=0.3)


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_a_frame_in_a_batch_is_worth_what_it_is_alone(
    fused: TorchEngine, street: FrameSource, name: str
) -> None:
    """Outputs of other frames stand in for attacked ones, so that no objective is at its clean
    value."""
    frames, others = [street[1], street[4], street[2]], [street[2], street[0], street[5]]
    loss = OBJECTIVES[name].loss

    def worth(clean: list[Frame], attacked: list[Frame]) -> Tensor:
        with torch.no_grad():
            return loss(
                Scene(fused.model, collate_frames(clean)), fused.model(collate_frames(attacked))
            )

    alone = torch.cat([worth([a], [b]) for a, b in zip(frames, others, strict=True)])
    torch.testing.assert_close(worth(frames, others), alone, rtol=1e-3, atol=1e-4)
