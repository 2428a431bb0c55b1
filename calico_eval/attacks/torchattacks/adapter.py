"""Runs torchattacks (3.5.1), unmodified, on a `Problem`.

It runs frame by frame, on any domain (views, points, joint).

torchattacks knows a classifier and an input in [0, 1]. `LossModel` is that classifier: its logits
for "class 0" are made so that the loss which an attack forms of them is our objective, up to a
constant. `torchattacks.table` says which attacks are used, and why the others are not.

This file corrects the following properties of that library:

* Its attacks return the last iterate, or (APGD, Square) the clean input when no class flipped,
  which makes a detector look robust. What they return is only one more try. The iterate with the
  best loss inside the ball is in the problem's trace.
* They stop once a class flips. Class 0 always wins where a loss is asked for without a gradient.
* The momentum attacks divide by the mean gradient: one that is zero everywhere turns the input to
  NaN. Here it ends the attack and is reported (`AttackDetails.dead_gradient`). Single NaN or
  infinite entries become zero and are counted. All views are one image, so that a view without a
  gradient does not divide by zero.
* Random starts come from torch's global generator, and some attacks reset the global seeds. All
  global generators are put back afterwards.
* An attack puts the module that it is given to evaluation mode and back to training mode.
  `LossModel` is made in evaluation mode and does not hold the detector.
* Some look at inputs outside the ball (ahead, or around). These count as passes, not as results.
* Several inputs at once (SPSA) are given to the problem one by one, since its frames have different
  ground truth.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from calico.extras import require_extra
from calico.frame import Frame
from calico_eval.attacks.blackbox.run import make_query_attack
from calico_eval.attacks.details import Crafted
from calico_eval.attacks.search_space.joint import Streams
from calico_eval.attacks.search_space.problem import Problem
from calico_eval.attacks.spec import AttackSpec
from calico_eval.attacks.whitebox.run import Search, make_search
from calico_eval.engines.base import Engine

View = Literal["cross entropy", "margin"]

CROSS_ENTROPY_AT, MARGIN_AT = 1e3, 1e6
"""Values at which the losses begin.

The cross-entropy of logits (0, z) is z, and its slope 1, to the last digit of a float for z > 40;
an attack keeps it as float32, which leaves steps of 6e-5. A margin must stay above 0, and is kept
as float64.
"""

SPSA_SAMPLES = 8
"""Directions per step of SPSA; 128 by default, which few budgets of queries reach once."""


class LossModel(nn.Module):
    """A problem of one frame as torchattacks needs it.

    It is a module from inputs (N, C, H, W) to logits (N, classes) of class 0.

    Args:
        view: Which loss the attack forms. "cross entropy": logits (0, z), whose cross-entropy for
            class 0 is z = the objective + a constant. "margin": logits (m, 0), of which m = a
            constant - the objective is brought down.
    """

    def __init__(self, problem: Problem, view: View) -> None:
        super().__init__()
        self.problem, self.view = problem, view
        self._zero: float | None = None
        self.anchor = nn.Parameter(problem.domain.clean.new_zeros(1), requires_grad=False)
        self.eval()

    def forward(self, x: Tensor) -> Tensor:
        """Compute logits (N, 2) float64, with the gradient if x asks for one.

        Each input is one pass.

        Raises:
            DeadGradientError: The gradient is zero everywhere.
        """
        if torch.is_grad_enabled() and x.requires_grad:
            loss = torch.cat([_Objective.apply(one, self.problem) for one in torch.split(x, 1)])
        else:
            loss = torch.cat([self.problem.loss(one) for one in torch.split(x, 1)])
        if self._zero is None:
            self._zero = float(loss.detach()[0])
        rise = loss.double() - self._zero
        other = torch.zeros_like(rise)
        if self.view == "margin":
            return torch.stack([MARGIN_AT - rise, other], dim=1)
        if not loss.requires_grad:  # "is it fooled yet?" never is
            return torch.stack([other + 1.0, other], dim=1)
        return torch.stack([other, CROSS_ENTROPY_AT + rise], dim=1)


class DeadGradientError(Exception):
    """Ends an attack whose gradient is zero everywhere."""


class _Objective(torch.autograd.Function):
    """The problem's loss (1,) at x, whose backward pass is the gradient that the problem gave."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, problem: Problem) -> Tensor:
        with torch.enable_grad():
            value, gradient = problem.gradient(x)
        if not bool(gradient.any()):
            raise DeadGradientError
        ctx.save_for_backward(gradient)
        return value

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (gradient,) = ctx.saved_tensors
        return grads[0].reshape(-1, 1, 1, 1) * gradient, None


def _run(build: Callable[[LossModel, Problem, AttackSpec], Any], view: View) -> Search:
    """The algorithm that runs what `build` makes, a torchattacks.Attack, once per restart."""

    def algorithm(problem: Problem, spec: AttackSpec, streams: Streams) -> None:
        domain = problem.domain
        labels = torch.zeros(1, dtype=torch.int64, device=domain.clean.device)
        for _ in range(spec.restarts):
            model = LossModel(problem, view)
            seed = int(torch.randint(2**31 - 1, (1,), generator=streams[0]))
            with isolated_generators(seed, domain.clean.device):
                attack = build(model, problem, spec)
                try:
                    last = attack(domain.clean, labels)
                except DeadGradientError:
                    return
            if problem.differentiable or attack.attack == "SPSA":
                problem.loss(domain.project(last.detach()))

    return algorithm


def _by_gradients(name: str, **options: Callable[[Problem, AttackSpec], Any]) -> Search:
    """An attack on the cross-entropy. options: its arguments, besides eps."""

    def build(model: LossModel, problem: Problem, spec: AttackSpec) -> Any:
        chosen = {key: value(problem, spec) for key, value in options.items()}
        return getattr(_load_torchattacks(), name)(model, eps=problem.domain.eps, **chosen)

    return _run(build, "cross entropy")


def _load_torchattacks() -> Any:
    """Import torchattacks, which takes seconds and which only these attacks need."""
    require_extra("an attack of torchattacks (ta_*)", "torchattacks")
    import torchattacks

    return torchattacks


def _alpha(problem: Problem, spec: AttackSpec) -> float:
    return spec.step * problem.domain.eps


def _steps(problem: Problem, spec: AttackSpec) -> int:
    return spec.steps


def _random_start(problem: Problem, spec: AttackSpec) -> bool:
    return spec.random_start


def _upgd(model: LossModel, problem: Problem, spec: AttackSpec) -> Any:
    return _load_torchattacks().UPGD(
        model,
        eps=problem.domain.eps,
        alpha=_alpha(problem, spec),
        steps=spec.steps,
        random_start=spec.random_start,
        loss=lambda images, labels, targets: model(images)[:, 1].sum(),
    )


def _apgd(model: LossModel, problem: Problem, spec: AttackSpec) -> Any:
    norm = "Linf" if problem.domain.norm == "linf" else "L2"
    return _load_torchattacks().APGD(
        model,
        norm=norm,
        eps=problem.domain.eps,
        steps=spec.steps,
        seed=torch.initial_seed() % 2**31,
    )


def _square(model: LossModel, problem: Problem, spec: AttackSpec) -> Any:
    # it asks three more times: on the clean input, on the stripes, on what it returns
    return _load_torchattacks().Square(
        model,
        eps=problem.domain.eps,
        n_queries=max(spec.steps - 3, 0),
        seed=torch.initial_seed() % 2**31,
    )


def _spsa(model: LossModel, problem: Problem, spec: AttackSpec) -> Any:
    samples = min(SPSA_SAMPLES, max((spec.steps - 1) // 2, 1))
    rounds = max((spec.steps - 1) // (2 * samples), 1)
    return _load_torchattacks().SPSA(
        model,
        eps=problem.domain.eps,
        delta=0.5 * problem.domain.eps,
        lr=2.5 * problem.domain.eps / rounds,
        nb_iter=rounds,
        nb_sample=samples,
        max_batch_size=samples,
    )


_MOMENTUM = {"alpha": _alpha, "steps": _steps}
_PGD = {"alpha": _alpha, "steps": _steps, "random_start": _random_start}

WITH_GRADIENTS: dict[str, Search] = {
    "ta_fgsm": _by_gradients("FGSM"),
    "ta_bim": _by_gradients("BIM", **_MOMENTUM),
    "ta_rfgsm": _by_gradients("RFGSM", **_MOMENTUM),
    "ta_ffgsm": _by_gradients("FFGSM", alpha=lambda problem, spec: 1.25 * problem.domain.eps),
    "ta_pgd": _by_gradients("PGD", **_PGD),
    "ta_pgdl2": _by_gradients("PGDL2", **_PGD),
    "ta_mifgsm": _by_gradients("MIFGSM", **_MOMENTUM),
    "ta_nifgsm": _by_gradients("NIFGSM", **_MOMENTUM),
    "ta_sinifgsm": _by_gradients("SINIFGSM", **_MOMENTUM),
    "ta_vmifgsm": _by_gradients("VMIFGSM", **_MOMENTUM),
    "ta_vnifgsm": _by_gradients("VNIFGSM", **_MOMENTUM),
    "ta_upgd": _run(_upgd, "cross entropy"),
    "ta_apgd": _run(_apgd, "cross entropy"),
}
"""On the model's gradients."""

WITH_QUERIES: dict[str, Search] = {
    "ta_square": _run(_square, "margin"),
    "ta_spsa": _run(_spsa, "margin"),
}
"""On an engine's predictions."""


def make_attack(name: str) -> Callable[[Engine, Sequence[Frame], AttackSpec, int], list[Crafted]]:
    """Return the attack of that name, which goes frame by frame."""
    whole = (
        make_search(WITH_GRADIENTS[name])
        if name in WITH_GRADIENTS
        else make_query_attack(WITH_QUERIES[name])
    )

    def one_by_one(
        engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int
    ) -> list[Crafted]:
        return [crafted for frame in frames for crafted in whole(engine, [frame], spec, seed)]

    return one_by_one


@contextmanager
def isolated_generators(seed: int, device: torch.device) -> Iterator[None]:
    """Seed torch's, numpy's and Python's global generators in the block, and restore them.

    Args:
        seed: The seed.
        device: Device of torch's generator.
    """
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        np.random.seed(seed % 2**32)  # noqa: NPY002
        random.seed(seed)
        try:
            yield
        finally:
            np.random.set_state(numpy_state)  # noqa: NPY002
            random.setstate(python_state)
