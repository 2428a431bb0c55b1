"""torchattacks runs unmodified and does what textbook PGD does; its traps do not bite."""

import random

import numpy as np
import pytest
import torch
import torchattacks
from torch import Tensor, nn

from calico_eval.attacks.torchattacks_adapter import LossModel, isolated_generators, run_pgd


@pytest.fixture
def network() -> nn.Module:
    """A small random network with several views as channels."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return nn.Sequential(nn.Conv2d(6, 8, 3), nn.Tanh(), nn.Flatten(), nn.Linear(8 * 6 * 8, 4)).eval()


@pytest.fixture
def image() -> Tensor:
    return torch.rand((1, 6, 8, 10), generator=torch.Generator().manual_seed(1))


def native_pgd(
    network: nn.Module, clean: Tensor, start: Tensor, eps: float, step: float, steps: int, label: int
) -> Tensor:
    """Madry et al. 2018, equation 2, written from the paper: x <- Proj(x + step sign(grad))."""
    x = start.clone()
    for _ in range(steps):
        x.requires_grad_(True)
        cost = -torch.log_softmax(network(x), dim=1)[0, label]
        (gradient,) = torch.autograd.grad(cost, x)
        with torch.no_grad():
            x = x + step * gradient.sign()
            x = torch.minimum(torch.maximum(x, (clean - eps).clamp_min(0)), (clean + eps).clamp_max(1))
    return x.detach()


@pytest.mark.parametrize("random_start", [False, True])
def test_native_pgd_torchattacks_pgd_and_the_adapter_agree(
    network: nn.Module, image: Tensor, random_start: bool
) -> None:
    eps, step, steps, label, seed = 8 / 255, 2 / 255, 10, 2, 11
    target = torch.tensor([label])
    model = LossModel(network, lambda x: nn.functional.cross_entropy(network(x), target))
    ours = run_pgd(model, image, eps, step, steps, random_start, seed)

    with isolated_generators(seed, image.device):
        theirs = torchattacks.PGD(network, eps=eps, alpha=step, steps=steps, random_start=random_start)(image, target)
    with isolated_generators(seed, image.device):
        start = (image + torch.empty_like(image).uniform_(-eps, eps)).clamp(0, 1) if random_start else image
    native = native_pgd(network, image, start, eps, step, steps, label)

    assert (ours - image).abs().max() > 0.9 * eps
    torch.testing.assert_close(ours, native, atol=1e-6, rtol=0)
    torch.testing.assert_close(theirs, native, atol=1e-6, rtol=0)
    assert len(model.trace.losses) == model.trace.backwards == steps
    assert model.trace.losses[-1] > model.trace.losses[0]


def test_same_seed_same_bytes_and_global_generators_stay(network: nn.Module, image: Tensor) -> None:
    def run(seed: int) -> Tensor:
        return run_pgd(LossModel(network, lambda x: network(x).sum()), image, 0.1, 0.05, 5, True, seed)

    torch_state, numpy_state, python_state = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    first, again, other = run(0), run(0), run(1)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert random.getstate() == python_state


def test_a_view_without_gradient_stays_and_does_not_become_nan(image: Tensor) -> None:
    weight = nn.Linear(1, 1)
    model = LossModel(weight, lambda x: x[:, :3].sum())
    last = run_pgd(model, image, 0.1, 0.05, 4, False, 0)
    assert torch.equal(last[:, 3:], image[:, 3:])
    torch.testing.assert_close(last[:, :3], (image[:, :3] + 0.1).clamp(0, 1))
    assert model.trace.first_gradient is not None
    assert not model.trace.first_gradient[:, 3:].any()


def test_a_gradient_that_is_zero_everywhere_ends_the_attack_and_is_reported(image: Tensor) -> None:
    model = LossModel(nn.Linear(1, 1), lambda x: (x * 0).sum())
    last = run_pgd(model, image, 0.1, 0.05, 4, False, 0)
    assert torch.equal(last, image)
    assert model.trace.dead
    assert model.trace.backwards == 1


def test_the_best_iterate_is_kept_when_the_gradient_dies_later(image: Tensor) -> None:
    """Once the sum exceeds a margin the loss is flat, as 'hide' is once every object is hidden."""
    margin = float(image.sum()) + 20
    model = LossModel(nn.Linear(1, 1), lambda x: x.sum().clamp_max(margin))
    last = run_pgd(model, image, 0.5, 0.1, 50, False, 0)
    assert model.trace.dead
    assert float(last.sum()) >= margin
    assert model.trace.best_loss == pytest.approx(margin)


def test_nan_gradients_are_counted_and_move_nothing(image: Tensor) -> None:
    def loss(x: Tensor) -> Tensor:
        zeros = x[:, :1] * 0
        return torch.sqrt(zeros).sum() + x[:, 1:].sum()  # the derivative of sqrt at 0 is infinite, times 0: NaN

    model = LossModel(nn.Linear(1, 1), loss)
    last = run_pgd(model, image, 0.1, 0.1, 2, False, 0)
    assert torch.isfinite(last).all()
    assert torch.equal(last[:, :1], image[:, :1])
    assert model.trace.bad_gradients == 2 * 80
