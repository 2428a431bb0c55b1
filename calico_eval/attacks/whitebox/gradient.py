"""Gradient attacks on a `Problem`, ours.

FGSM, PGD, MI-FGSM, APGD and its variant with a falling step.

They search for all of B frames at once. Frames do not influence each other.

They leave their result in the problem's trace: the iterate of the highest loss of each frame. None
of them looks at predictions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from calico_eval.attacks.search_space.joint import Streams
from calico_eval.attacks.search_space.problem import Problem
from calico_eval.attacks.spec import AttackSpec

MOMENTUM = 1.0
APGD_MOMENTUM, APGD_RHO = 0.75, 0.75
APGD_STEP = 2.0
"""Step of APGD in radii, before it is halved."""
DECAY_FIRST, DECAY_FIRST_LIDAR, DECAY_LAST = 2.0, 0.5, 0.1
"""First and last step of `apgd_decay` in radii, where nothing halves it."""


def fgsm(problem: Problem, spec: AttackSpec, streams: Streams) -> None:
    """Make one step of the whole radius from the clean input.

    Args:
        problem: The objective and the changes that are allowed.
        spec: The attack.
        streams: Not used.

    Source: Goodfellow et al., ICLR 2015.
    """
    clean = problem.domain.clean
    _, gradient = problem.gradient(clean)
    if not gradient.any():
        return
    problem.loss(problem.domain.ascend(clean, gradient, 1.0))


def pgd(problem: Problem, spec: AttackSpec, streams: Streams) -> None:
    """Search by projected gradient descent with restarts.

    A gradient that is zero for all frames ends a start, because x would stay where it is.

    Args:
        problem: The objective and the changes that are allowed.
        spec: The attack.
        streams: Generators of each frame.

    Source: Madry et al., ICLR 2018.
    """
    for x in draw_starts(problem, spec, streams):
        for _ in range(spec.steps):
            _, gradient = problem.gradient(x)
            if not gradient.any():
                break
            x = problem.domain.ascend(x, gradient, spec.step)
        else:
            problem.loss(x)


def mifgsm(problem: Problem, spec: AttackSpec, streams: Streams) -> None:
    """Step along a running sum of gradients, each of mean absolute value 1 (momentum FGSM).

    The first start is the clean input, as in the paper. Restarts are random.

    Args:
        problem: The objective and the changes that are allowed.
        spec: The attack.
        streams: Generators of each frame.

    Source: Dong et al., CVPR 2018. Deviation: a gradient that is zero adds nothing (the original
    divides by it).
    """
    for x in draw_starts(problem, spec, streams, first_at_clean=True):
        direction = torch.zeros_like(x)
        for _ in range(spec.steps):
            _, gradient = problem.gradient(x)
            mean = gradient.abs().mean(dim=(1, 2, 3), keepdim=True)
            direction = MOMENTUM * direction + gradient / mean.clamp_min(1e-30)
            if not direction.any():
                break
            x = problem.domain.ascend(x, direction, spec.step)
        else:
            problem.loss(x)


def apgd(problem: Problem, spec: AttackSpec, streams: Streams) -> None:
    """Search by Auto-PGD: momentum 0.75 and a step of two radii that is halved at checkpoints.

    At a checkpoint the step is halved, and the search goes on from the best iterate, if fewer than
    75 % of the steps since the last checkpoint raised the loss, or if neither the step nor the best
    loss changed since it. `step_share` is ignored.

    Args:
        problem: The objective and the changes that are allowed.
        spec: The attack.
        streams: Generators of each frame.

    Source: Croce and Hein, ICML 2020, algorithm 1. Deviations: the objective is that of the spec,
    not a loss on class logits. A checkpoint k acts once x_k is known, as in the authors' code (the
    algorithm as printed computes x_{k+1} first, and throws it away).
    """
    for x in draw_starts(problem, spec, streams):
        _apgd_from(problem, x, [APGD_STEP] * spec.steps)


def apgd_decay(problem: Problem, spec: AttackSpec, streams: Streams) -> None:
    """Search by a variant of `apgd` for few steps, whose step also falls along a line.

    In a budget of ten steps checkpoints are few, and the paper's step of two radii, made for 100
    steps, does not get small. Here it falls from 2 radii to 0.1. On the LiDAR alone it falls from
    0.5, or from more if so few steps could not cross the ball. The first start is the clean input;
    the restarts are random. Everything else is as in `apgd`.

    Args:
        problem: The objective and the changes that are allowed.
        spec: The attack.
        streams: Generators of each frame.
    """
    for x in draw_starts(problem, spec, streams, first_at_clean=True):
        _apgd_from(problem, x, falling_steps(spec))


def falling_steps(spec: AttackSpec) -> list[float]:
    """Lists the steps of `apgd_decay` in radii. Their sum is 2 or more: the ball's diameter."""
    crossing = 4.0 / spec.steps - DECAY_LAST
    first = (
        min(max(crossing, DECAY_FIRST_LIDAR), DECAY_FIRST)
        if spec.sensor == "lidar"
        else DECAY_FIRST
    )
    return [float(share) for share in np.linspace(first, DECAY_LAST, spec.steps)]


def _apgd_from(problem: Problem, x: Tensor, shares: Sequence[float]) -> None:
    domain, steps = problem.domain, len(shares)
    halvings = torch.ones_like(x[:, :1, :1, :1])
    loss, gradient = problem.gradient(x)
    if not gradient.any():
        return
    best, best_loss, best_gradient = x, loss, gradient
    before, rose = x, torch.zeros_like(loss)
    halved_last, loss_at_checkpoint = torch.ones_like(loss, dtype=torch.bool), loss.clone()
    checkpoints, last = _checkpoints(steps), 0
    for step in range(1, steps + 1):
        ahead = domain.ascend(x, gradient, shares[step - 1] * halvings)
        if (
            step > 1
        ):  # x + 0.75 (ahead - x) + 0.25 (x - before), in place: cameras have millions of numbers
            ahead = domain.project(
                ahead.lerp_(x, 1.0 - APGD_MOMENTUM).add_(x - before, alpha=1.0 - APGD_MOMENTUM)
            )
        before, x = x, ahead
        previous = loss
        if step == steps:
            problem.loss(x)
            return
        loss, gradient = problem.gradient(x)
        rose += loss > previous
        better = loss > best_loss
        best, best_gradient = _where(better, x, best), _where(better, gradient, best_gradient)
        best_loss = torch.where(better, loss, best_loss)
        if step in checkpoints:
            stalled = (rose < APGD_RHO * (step - last)) | (
                ~halved_last & (best_loss <= loss_at_checkpoint)
            )
            halvings = torch.where(stalled[:, None, None, None], halvings / 2.0, halvings)
            x, gradient = _where(stalled, best, x), _where(stalled, best_gradient, gradient)
            loss = torch.where(stalled, best_loss, loss)
            halved_last, loss_at_checkpoint, last = stalled, best_loss.clone(), step
            rose = torch.zeros_like(rose)


def _where(rows: Tensor, chosen: Tensor, other: Tensor) -> Tensor:
    """`chosen` in these rows (B,), `other` in the rest.

    Neither is copied where that is one of the two.
    """
    if bool(rows.all()):
        return chosen
    return torch.where(rows[:, None, None, None], chosen, other) if bool(rows.any()) else other


def _checkpoints(steps: int) -> set[int]:
    """Compute the checkpoints w_j = ceil(p_j steps) of Auto-PGD.

    p_0 = 0, p_1 = 0.22 and p_{j+1} = p_j + max(p_j - p_{j-1} - 0.03, 0.06), in whole percent.
    """
    percent = [0, 22]
    while percent[-1] < 100:
        percent.append(percent[-1] + max(percent[-1] - percent[-2] - 3, 6))
    return {-(-share * steps // 100) for share in percent[1:] if share < 100}


def draw_starts(
    problem: Problem, spec: AttackSpec, streams: Streams, *, first_at_clean: bool = False
) -> Iterator[Tensor]:
    """Yield the start of each of the spec's restarts.

    The first one is the clean input if the spec has no random start.

    Args:
        problem: The objective and the changes that are allowed.
        spec: The attack.
        streams: Generators of each frame.
        first_at_clean: Whether the first start is the clean input in any case.
    """
    clean_first = first_at_clean or not spec.random_start
    for index in range(spec.restarts):
        yield (
            problem.domain.clean.clone()
            if index == 0 and clean_first
            else problem.domain.random(streams)
        )
