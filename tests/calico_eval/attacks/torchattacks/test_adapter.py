"""torchattacks runs unmodified and does what textbook PGD does, on the real network; its traps do
not bite."""

import copy
import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
import torchattacks
from torch import Tensor

from calico.data.batch import collate_frames
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico_eval.attacks import (
    AttackSpec,
    Threat,
    attack_frame,
    attack_frames,
    check_budget,
)
from calico_eval.attacks.catalogue import check_spec
from calico_eval.attacks.search_space.joint import make_domain
from calico_eval.attacks.search_space.problem import Problem
from calico_eval.attacks.torchattacks.adapter import (
    WITH_GRADIENTS,
    WITH_QUERIES,
    LossModel,
    isolated_generators,
)
from calico_eval.attacks.whitebox.gradient import pgd
from calico_eval.attacks.whitebox.run import make_streams
from calico_eval.engines.network.forward import AttackForward, white_box
from calico_eval.engines.network.objectives import Scene, hide
from calico_eval.engines.torch import TorchEngine

CAMERA = AttackSpec("ta_pgd", Threat(camera_levels=4), steps=4)


LIDAR = AttackSpec("ta_pgd", Threat(range_m=0.2), steps=4)


JOINT = AttackSpec("ta_pgd", Threat(camera_levels=4, range_m=0.2), steps=4)


PASSES = {
    "ta_fgsm": 1,
    "ta_bim": 4,
    "ta_rfgsm": 4,
    "ta_ffgsm": 1,
    "ta_pgd": 4,
    "ta_pgdl2": 4,
    "ta_mifgsm": 4,
    "ta_nifgsm": 4,
    "ta_sinifgsm": 20,
    "ta_vmifgsm": 24,
    "ta_vnifgsm": 24,
    "ta_upgd": 4,
    "ta_apgd": 5,
}
"""Gradients of four steps, from the papers: five copies or neighbours where there are some, one
more for APGD's start."""


def problem_of(engine: TorchEngine, frame: Frame, threat: Threat) -> Problem:
    """The objective 'hide' through the path that attacks take."""
    domain = make_domain([frame], threat, engine.device)
    base = domain.make_batch(domain.clean)
    forward, scene = AttackForward(engine.model, base, threat.sensors), Scene(engine.model, base)
    return Problem(
        domain, lambda x: hide(scene, forward(domain.make_batch(x))), differentiable=True
    )


def toy(frame: Frame, loss: Callable[[Tensor], Tensor], levels: int = 26) -> Problem:
    """A loss of the views themselves: x is (1, 18, 32, 64)."""
    return Problem(
        make_domain([frame], Threat(camera_levels=levels), torch.device("cpu")),
        loss,
        differentiable=True,
    )


def run(name: str, problem: Problem, spec: AttackSpec, frame: Frame, seed: int = 0) -> None:
    WITH_GRADIENTS[name](problem, spec, make_streams([frame], spec, seed))


@pytest.mark.parametrize("random_start", [False, True])
def test_a_pgd_from_the_paper_torchattacks_and_ours_agree(
    fused: TorchEngine, street_frame: Frame, random_start: bool
) -> None:
    """Madry et al. 2018, equation 2, with the model's plain forward pass and no code of ours but
    the objective."""
    eps, step, steps = 4 / 255, 2.5 / 4 * 4 / 255, 4
    base = collate_frames([street_frame])
    clean = base.images
    with white_box(fused):
        problem = problem_of(fused, street_frame, CAMERA.threat)
        with isolated_generators(11, clean.device):
            start = problem.domain.clean.clone()
            if random_start:
                start = (start + torch.empty_like(start).uniform_(-eps, eps)).clamp(0, 1)
        x, losses = start.reshape(clean.shape), []
        for _ in range(steps):
            x = x.detach().requires_grad_(True)
            batch = replace(base, images=x)
            loss = hide(Scene(fused.model, base), fused.model(batch))
            losses.append(float(loss.detach()))
            (gradient,) = torch.autograd.grad(loss.sum(), x)
            x = x.detach() + step * gradient.sign()
            x = (clean + (x - clean).clamp(-eps, eps)).clamp(0, 1)
        with isolated_generators(11, clean.device):
            theirs = torchattacks.PGD(
                LossModel(problem, "cross entropy"), eps, step, steps, random_start
            )(problem.domain.clean, torch.zeros(1, dtype=torch.int64))
        torch.testing.assert_close(theirs.reshape(x.shape), x, atol=1e-6, rtol=0)
        assert [float(loss) for loss in problem.trace.losses] == pytest.approx(losses, abs=1e-4)
        assert (x - clean).abs().max() > 0.9 * eps
        if not random_start:
            native, adapted = (problem_of(fused, street_frame, CAMERA.threat) for _ in range(2))
            spec = replace(CAMERA, random_start=False)
            pgd(native, spec, make_streams([street_frame], spec, 0))
            run("ta_pgd", adapted, spec, street_frame)
            assert native.trace.best is not None
            assert adapted.trace.best is not None
            torch.testing.assert_close(native.trace.best, adapted.trace.best, atol=1e-6, rtol=0)
            assert [float(a) for a in native.trace.losses] == pytest.approx(
                [float(b) for b in adapted.trace.losses]
            )


@pytest.mark.parametrize("name", sorted(WITH_GRADIENTS))
def test_every_attack_beats_noise_within_its_budget(
    fused: TorchEngine, street_frame: Frame, name: str
) -> None:
    threat = Threat(camera_rms=3.0) if name == "ta_pgdl2" else CAMERA.threat
    spec = replace(CAMERA, name=name, threat=threat)
    calls: list[int] = []
    handle = fused.model.backbone.register_forward_hook(lambda *_: calls.append(1))
    result = attack_frame(fused, street_frame, spec, 0)
    handle.remove()
    assert check_budget(threat, result.budget)[0]
    with torch.no_grad():
        noise = [
            float(hide(Scene(fused.model, batch), fused.model(batch)))
            for seed in range(3)
            for batch in [
                collate_frames(
                    [attack_frame(fused, street_frame, replace(spec, name="noise"), seed).frame]
                )
            ]
        ]
    details = result.details
    assert details.loss_attacked is not None
    assert details.loss_attacked > max(noise)
    assert details.backwards == PASSES[name]
    asked = 1 if name == "ta_apgd" else 0  # once before it starts
    assert (
        details.forwards == len(calls) == PASSES[name] + asked + 3
    )  # what is returned; clean, delivered
    assert (details.bad_gradients, details.dead_gradient) == (0, False)


@pytest.mark.parametrize(
    "spec", [LIDAR, JOINT, replace(LIDAR, threat=Threat(axis_m=0.1, intensity=0.1))]
)
@pytest.mark.parametrize("name", ["ta_pgd", "ta_mifgsm", "ta_vnifgsm", "ta_apgd"])
def test_they_run_on_latent_boxes_with_exact_budgets(
    fused: TorchEngine, street_frame: Frame, spec: AttackSpec, name: str
) -> None:
    result = attack_frame(fused, street_frame, replace(spec, name=name), 0)
    assert check_budget(spec.threat, result.budget)[0]
    assert result.details.loss_attacked is not None
    assert result.details.loss_clean is not None
    assert result.details.loss_attacked > result.details.loss_clean + 0.5


@pytest.mark.parametrize("name", sorted(WITH_QUERIES))
def test_those_by_queries_ask_as_often_as_allowed(
    fused: TorchEngine, street_frame: Frame, name: str
) -> None:
    calls = []
    handle = fused.model.backbone.register_forward_hook(
        lambda *_: calls.append(torch.is_grad_enabled())
    )
    spec = replace(CAMERA, name=name, steps=40)
    result = attack_frame(fused, street_frame, spec, 0)
    handle.remove()
    details = result.details
    assert len(calls) == details.queries
    assert not any(calls)
    assert 30 <= details.queries <= 41
    assert details.loss_attacked is not None
    assert details.loss_clean is not None
    assert details.loss_attacked > details.loss_clean
    assert check_budget(spec.threat, result.budget)[0]


def test_same_seed_same_bytes_and_global_generators_stay(
    fused: TorchEngine, street: FrameSource
) -> None:
    torch_state, numpy_state, python_state = (
        torch.get_rng_state(),
        np.random.get_state()[1].copy(),  # noqa: NPY002
        random.getstate(),
    )
    for name in ("ta_pgd", "ta_apgd", "ta_vmifgsm"):
        spec = replace(CAMERA, name=name)
        both = attack_frames(fused, [street[1], street[4]], spec, 0)
        alone, other = (
            attack_frame(fused, street[4], spec, 0),
            attack_frame(fused, street[4], spec, 1),
        )
        assert all(
            np.array_equal(a, b)
            for a, b in zip(both[1].frame.images, alone.frame.images, strict=True)
        )
        assert not all(
            np.array_equal(a, b)
            for a, b in zip(other.frame.images, alone.frame.images, strict=True)
        )
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert random.getstate() == python_state
    assert not any(module.training for module in fused.model.modules())


@pytest.mark.parametrize("name", ["ta_mifgsm", "ta_upgd", "ta_vmifgsm"])
def test_a_view_without_gradient_stays_and_does_not_become_nan(
    street_frame: Frame, name: str
) -> None:
    problem = toy(street_frame, lambda x: x[:, :3].sum(dim=(1, 2, 3)))
    run(name, problem, replace(CAMERA, name=name, random_start=False), street_frame)
    clean, best = problem.domain.clean, problem.trace.best
    assert best is not None
    assert torch.equal(best[:, 3:], clean[:, 3:])
    torch.testing.assert_close(best[:, :3], (clean[:, :3] + 26 / 255).clamp(0, 1))


@pytest.mark.parametrize("name", ["ta_pgd", "ta_mifgsm", "ta_upgd", "ta_vmifgsm", "ta_apgd"])
def test_a_gradient_that_is_zero_everywhere_ends_the_attack_and_is_reported(
    street_frame: Frame, name: str
) -> None:
    problem = toy(street_frame, lambda x: (x * 0).sum(dim=(1, 2, 3)))
    run(name, problem, replace(CAMERA, name=name), street_frame)
    assert problem.trace.dead is not None
    assert problem.trace.dead.all()
    assert problem.trace.backwards == 1


def test_the_best_iterate_is_kept_when_the_gradient_dies_later(street_frame: Frame) -> None:
    """Once the sum exceeds a margin the loss is flat, as 'hide' is once every object is hidden."""
    margin = float(collate_frames([street_frame]).images.sum()) + 500
    problem = toy(street_frame, lambda x: x.sum(dim=(1, 2, 3)).clamp_max(margin), 100)
    run("ta_mifgsm", problem, replace(CAMERA, steps=50), street_frame)
    assert problem.trace.dead is not None
    assert problem.trace.dead.all()
    assert float(problem.trace.best_loss or 0.0) == pytest.approx(margin)


def test_nan_gradients_are_counted_and_move_nothing(street_frame: Frame) -> None:
    def loss(x: Tensor) -> Tensor:
        zeros = x[:, :1] * 0
        return torch.sqrt(zeros).sum(dim=(1, 2, 3)) + x[:, 1:].sum(
            dim=(1, 2, 3)
        )  # sqrt' at 0 is infinite, times 0: NaN

    problem = toy(street_frame, loss)
    run("ta_mifgsm", problem, replace(CAMERA, steps=2), street_frame)
    assert problem.trace.best is not None
    assert torch.equal(problem.trace.best[:, :1], problem.domain.clean[:, :1])
    assert problem.trace.bad_gradients == 2 * 32 * 64


def test_a_look_outside_the_ball_is_not_a_result(street_frame: Frame) -> None:
    """NIFGSM looks ahead of its iterate, by more than the radius: the loss there is higher, and out
    of reach."""
    problem = toy(street_frame, lambda x: x.sum(dim=(1, 2, 3)), 4)
    run("ta_nifgsm", problem, CAMERA, street_frame)
    domain, best = problem.domain, problem.trace.best
    assert best is not None
    assert (best - domain.clean).abs().max() <= domain.eps + 1e-6
    highest = float((domain.clean + domain.eps).clamp_max(1).sum())
    assert max(float(loss) for loss in problem.trace.losses) > highest + 100
    assert float(problem.trace.best_loss or 0.0) == pytest.approx(highest, abs=1.0)


def test_square_returns_the_clean_input_and_we_keep_the_best(
    fused: TorchEngine, street_frame: Frame
) -> None:
    """No class flips, so torchattacks gives the input back."""
    with white_box(fused):
        problem = problem_of(fused, street_frame, CAMERA.threat)
        attack = torchattacks.Square(
            LossModel(problem, "margin"), eps=problem.domain.eps, n_queries=20
        )
        theirs = attack(problem.domain.clean, torch.zeros(1, dtype=torch.int64))
    assert torch.equal(theirs, problem.domain.clean)
    assert problem.trace.best is not None
    assert not torch.equal(problem.trace.best, problem.domain.clean)


def test_the_cross_entropy_is_the_objective(street_frame: Frame) -> None:
    """Value and slope, far above and below where it began."""
    problem = toy(street_frame, lambda x: 37.0 * x[:, 0, 0, 0])
    model, clean = LossModel(problem, "cross entropy"), problem.domain.clean
    for shift in (0.0, 12.0, -12.0):
        x = (clean + shift).requires_grad_(True)
        value = torch.nn.functional.cross_entropy(model(x), torch.zeros(1, dtype=torch.int64))
        (gradient,) = torch.autograd.grad(value, x)
        assert float(value.detach()) - 1e3 == pytest.approx(37.0 * shift, abs=1e-3)
        assert float(gradient[0, 0, 0, 0]) == 37.0
        assert int((gradient != 0).sum()) == 1


def test_an_attack_by_gradients_refuses_other_norms(
    fused: TorchEngine, street_frame: Frame
) -> None:
    with pytest.raises(CalicoError, match="attack ta_pgd: does not use camera_rms"):
        check_spec(AttackSpec("ta_pgd", Threat(camera_rms=2.0)))
    with pytest.raises(CalicoError, match="attack ta_pgdl2: does not use camera_levels"):
        check_spec(AttackSpec("ta_pgdl2", Threat(camera_levels=2)))
    weights = copy.deepcopy(fused.model.state_dict())
    attack_frame(
        fused, street_frame, replace(CAMERA, name="ta_pgdl2", threat=Threat(camera_rms=2.0)), 0
    )
    assert all(torch.equal(weights[key], value) for key, value in fused.model.state_dict().items())
