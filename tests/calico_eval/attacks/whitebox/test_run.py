"""A search with the model's gradients: textbook PGD on the real model, counts, dead gradients,
unlucky starts."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from calico.data.batch import collate_frames
from calico.data.source import FrameSource
from calico.frame import Boxes, Frame
from calico_eval.attacks import AttackSpec, Threat, attack_frame
from calico_eval.attacks.search_space.base import Streams
from calico_eval.attacks.search_space.joint import PixelDomain
from calico_eval.attacks.search_space.problem import Problem
from calico_eval.attacks.whitebox.gradient import pgd
from calico_eval.attacks.whitebox.run import make_search, make_streams, stream_seed
from calico_eval.engines.network.forward import AttackForward, white_box
from calico_eval.engines.network.objectives import Scene, hide, hide_targets
from calico_eval.engines.torch import TorchEngine
from calico_eval.metrics.detected_objects import KAPPA

CAMERA = AttackSpec("pgd", Threat(camera_levels=4), steps=4)
RAY = AttackSpec("pgd", Threat(range_m=0.2), steps=4)
JOINT = AttackSpec("pgd", Threat(camera_levels=4, range_m=0.2), steps=4)


def test_our_pgd_equals_the_textbook_on_the_real_model(
    fused: TorchEngine, street_frame: Frame
) -> None:
    """Madry et al. 2018, equation 2, with the model's plain forward pass and no code of ours but
    the objective."""
    spec, eps = replace(CAMERA, random_start=False), 4 / 255
    base = collate_frames([street_frame])
    scene = Scene(fused.model, base)
    clean = base.images
    x = clean.clone()
    with white_box(fused):
        for _ in range(spec.steps):
            x = x.detach().requires_grad_(True)
            (gradient,) = torch.autograd.grad(
                hide(scene, fused.model(replace(base, images=x))).sum(), x
            )
            x = x.detach() + spec.step * eps * gradient.sign()
            x = (clean + (x - clean).clamp(-eps, eps)).clamp(0, 1)
        domain = PixelDomain([street_frame], spec.threat, fused.device)
        forward = AttackForward(fused.model, base, ("camera",))
        seen: list[torch.Tensor] = []

        def loss(u: torch.Tensor) -> torch.Tensor:
            seen.append(u.detach().clone())
            return hide(scene, forward(domain.make_batch(u)))

        pgd(Problem(domain, loss, differentiable=True), spec, [])
    torch.testing.assert_close(seen[-1].reshape(x.shape), x, atol=1e-6, rtol=0)
    assert (x - clean).abs().max() > 0.9 * eps


def test_details_count_what_really_ran(fused: TorchEngine, street_frame: Frame) -> None:
    calls = []
    handle = fused.model.backbone.register_forward_hook(lambda *_: calls.append(1))
    details = attack_frame(fused, street_frame, CAMERA, 0).details
    handle.remove()
    assert details.forwards == len(calls)
    assert details.backwards == CAMERA.steps
    assert len(details.losses) == CAMERA.steps + 1, "the last iterate is looked at, too"
    assert len(details.gradient_share) == 6
    assert min(details.gradient_share) > 0.5
    assert (details.objective, details.note, details.dead_gradient, details.bad_gradients) == (
        "hide",
        "",
        False,
        0,
    )
    joint = attack_frame(fused, street_frame, JOINT, 0).details
    assert len(joint.gradient_share) == 7
    assert min(joint.gradient_share) > 0.5


@pytest.mark.parametrize("spec", [CAMERA, RAY, JOINT], ids=str)
def test_a_frame_without_objects_is_attacked_with_false_alarms(
    fused: TorchEngine, street_frame: Frame, spec: AttackSpec
) -> None:
    result = attack_frame(fused, street_frame.replace(boxes=Boxes.empty()), spec, 0)
    assert result.details.objective == "create"
    assert "instead of 'hide'" in result.details.note
    assert result.details.loss_attacked is not None
    assert result.details.loss_clean is not None
    assert result.details.loss_attacked > result.details.loss_clean


@pytest.mark.parametrize("name", ["fgsm", "pgd", "mifgsm", "apgd", "apgd_decay"])
def test_an_attack_on_objects_that_are_all_hidden_stops_at_once(
    fused: TorchEngine, street_frame: Frame, name: str
) -> None:
    model = copy.deepcopy(fused.model)
    assert model.center is not None
    with torch.no_grad():
        for layer in model.center.heatmaps:
            layer.bias.fill_(-50.0)
    engine = TorchEngine(model, fused.config, "cpu")
    details = attack_frame(engine, street_frame, replace(CAMERA, name=name), 0).details
    assert details.dead_gradient
    assert details.backwards == 1
    assert (
        details.loss_clean
        == details.loss_attacked
        == KAPPA * round((details.loss_clean or 0.0) / KAPPA)
        > 0
    )


def test_an_unbounded_attack_on_the_only_sensor_hides_every_object(
    camera_only: TorchEngine, street_frame: Frame
) -> None:
    """What can be found is found (S3), on a model whose only sensor is attacked."""
    spec = AttackSpec("pgd", Threat(camera_levels=255), steps=30)
    before = camera_only.predict([street_frame])[0].scores
    attacked = attack_frame(camera_only, street_frame, spec, 0)
    after = camera_only.predict([attacked.frame])[0]
    seen = street_frame.boxes.select(street_frame.boxes.num_points > 0)
    objects = len(hide_targets(seen.boxes[:, :2], seen.labels, camera_only.config))
    assert attacked.details.loss_attacked is not None
    assert (
        attacked.details.loss_attacked > 0.5 * KAPPA * objects
    )  # the mean of the objects' best scores is below 0.05
    near = (
        np.linalg.norm(after.boxes[:, None, :2] - street_frame.boxes.boxes[None, :, :2], axis=-1)
        < 1.0
    )
    same = after.labels[:, None] == street_frame.boxes.labels[None]
    assert (before > 0.3).sum() >= 2
    assert after.scores[(near & same).any(axis=1)].max(initial=0.0) < 0.1


def test_only_the_frames_with_an_unlucky_start_are_searched_again(
    fused: TorchEngine, street: FrameSource
) -> None:
    """A search that stays at a start which lowers one frame's loss: that frame gets the second one,
    the other keeps its own."""
    frames = [street[1], street[4]]
    spec = replace(CAMERA, threat=Threat(camera_levels=4))
    calls: list[bool] = []

    def half_hearted(problem: Problem, how: AttackSpec, streams: Streams) -> None:
        calls.append(how.random_start)
        clean = problem.domain.clean
        _, gradient = problem.gradient(clean)
        problem.trace.best = None
        up = problem.domain.ascend(clean, gradient, 1.0)
        down = problem.domain.ascend(clean, -gradient, 1.0)
        small = problem.domain.ascend(clean, gradient, 0.25)
        problem.loss(torch.stack([down[0], small[1]]) if how.random_start else up)

    first, second = make_search(half_hearted)(fused, frames, spec, 0)
    assert calls == [True, False]
    assert first.details.loss_attacked is not None
    assert first.details.loss_clean is not None
    assert first.details.loss_attacked > first.details.loss_clean
    assert np.abs(first.frame.images[0].astype(int) - frames[0].images[0]).max() == 4
    assert np.abs(second.frame.images[0].astype(int) - frames[1].images[0]).max() == 1, (
        "it was lucky: nothing better is taken"
    )
    assert (first.details.forwards, first.details.backwards) == (2 + 2 + 3, 2)
    assert len(first.details.losses) == 4


def test_the_seed_of_a_stream_is_that_of_the_frame(street: FrameSource) -> None:
    frames = [street[1], street[4]]
    first, second = (stream_seed(frame, CAMERA, 0) for frame in frames)
    assert first != second
    assert stream_seed(frames[0], CAMERA, 1) != first
    assert stream_seed(frames[0], RAY, 0) != first
    assert stream_seed(frames[0], replace(CAMERA, name="apgd"), 0) != first
    assert stream_seed(frames[0], replace(CAMERA, threat=Threat(camera_levels=8)), 0) == first, (
        "budgets are nested"
    )
    streams = make_streams(frames, CAMERA, 0)
    assert [stream.initial_seed() for stream in streams] == [first, second]
