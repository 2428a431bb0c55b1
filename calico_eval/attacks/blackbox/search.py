"""Attacks that see predictions only: random search and estimated gradients.

A try is one query: the frame as a sensor would deliver it (rounded pixels, float32 points) is given
to the engine. `AttackSpec.steps` is the number of tries per frame and start. The frames of a batch
are tried together. The problem's trace keeps the result of every try, so that none is lost.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from calico_eval.attacks.blackbox.neighbourhoods import windows_of
from calico_eval.attacks.search_space.joint import Domain, Streams
from calico_eval.attacks.search_space.problem import Problem
from calico_eval.attacks.spec import AttackSpec

P_INIT = 0.8
"""Share of a view (or of the points) that the first windows cover: the value that AutoAttack runs
Square with."""

HALVED_AT = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)
"""Tries, of 10000, after which the share is halved (Andriushchenko et al., section 5)."""

PAIRS = 3
"""Antithetic pairs per estimate of a gradient.

Few, and long (SIGMA), as measured at 45 tries: of 3 or 5 pairs and half or whole radii, 3 and a
whole one raised the loss most in 4 of 4 cells (LiDAR, range 0.2 m; two frames, two attacks).
"""

MOMENTUM = 0.9
"""Share of the direction of ascent that stays from one estimate to the next, as in the code of
Ilyas et al."""

SIGMA = 1.0
"""Length of the finite difference as a share of the radius: of less, rounding to grey levels would
leave little."""


def square(problem: Problem, spec: AttackSpec, streams: Streams) -> None:
    """Search with square windows: the Square Attack in the L-infinity norm.

    The search starts in stripes in a corner of the budget region. Each try puts one window
    (`neighbourhoods`) into another corner and keeps it if the loss rises.

    Args:
        problem: The objective and the changes that are allowed.
        spec: The attack.
        streams: Generators of each frame.

    Source: Andriushchenko et al., ECCV 2020, algorithms 1 and 2. Deviations: If the stripes are no
    better than the clean frame, which was asked first, the search starts at the clean frame,
    because few tries would not undo the stripes. A window lies in one view, and is as high as the
    view if a square would not fit. Points have groups of neighbours instead of squares. The loss is
    the objective's, and the search does not stop when a class flips.
    """
    domain = problem.domain
    windows = windows_of(domain)
    clean_loss = problem.trace.losses[0]
    for _ in range(spec.restarts):
        x = _put(
            domain,
            domain.clean,
            [(slice(None), each.draw_start(s)) for each, s in zip(windows, streams, strict=True)],
        )
        loss = problem.loss(x)
        x = torch.where((loss > clean_loss)[:, None, None, None], x, domain.clean)
        loss = torch.maximum(loss, clean_loss)
        for step in range(1, spec.steps):
            share = _share(step - 1, spec.steps)
            tried = _put(
                domain,
                x,
                [each.draw_window(share, s) for each, s in zip(windows, streams, strict=True)],
            )
            tried_loss = problem.loss(tried)
            better = tried_loss > loss
            x = torch.where(better[:, None, None, None], tried, x)
            loss = torch.where(better, tried_loss, loss)


def nes(problem: Problem, spec: AttackSpec, streams: Streams) -> None:
    """Follow gradients that are estimated from Gaussian directions, with antithetic sampling.

    Args:
        problem: The objective and the changes that are allowed.
        spec: The attack.
        streams: Generators of each frame.

    Source: Ilyas et al., ICML 2018 (natural evolution strategies).
    """
    _estimated(problem, spec, streams, torch.randn)


def spsa(problem: Problem, spec: AttackSpec, streams: Streams) -> None:
    """Follow gradients that are estimated from directions of random signs.

    Args:
        problem: The objective and the changes that are allowed.
        spec: The attack.
        streams: Generators of each frame.

    Source: Spall 1992; Uesato et al., ICML 2018 (simultaneous perturbation). Deviation, as for
    `nes`: a step of steepest ascent in the budget's norm instead of Adam.
    """

    def rademacher(count: int, *, generator: torch.Generator) -> Tensor:
        return torch.randint(2, (count,), generator=generator) * 2.0 - 1.0

    _estimated(problem, spec, streams, rademacher)


def _estimated(
    problem: Problem, spec: AttackSpec, streams: Streams, draw: Callable[..., Tensor]
) -> None:
    """Ascends along g = mean over directions u of (L(x + sigma u) - L(x - sigma u)) u.

    Numbers of one group (a tile of a view, the points of a ground cell) share u: with as few
    queries as there are here, a direction per pixel finds nothing (a tiling prior, Ilyas et al.,
    ICLR 2019). x + sigma u is projected, so each query is a try. After each step one query goes to
    x itself. One or two that are left at the end go to x +- sigma u.
    """
    domain = problem.domain
    groups = [each.number_groups() for each in windows_of(domain)]
    rounds = max(spec.steps // (2 * PAIRS + 1), 1)
    share = 2.5 / rounds if spec.step_share is None else spec.step_share

    def direction() -> Tensor:
        u = torch.stack(
            [draw(int(g.max()) + 1, generator=s)[g] for g, s in zip(groups, streams, strict=True)]
        )
        u = u.reshape(domain.clean.shape)
        u = u if domain.own is None else u * domain.own
        length = (
            u.flatten(1).norm(dim=1)[:, None, None, None] if domain.norm == "l2" else torch.ones(1)
        )
        return SIGMA * domain.radius * u / length

    for restart in range(spec.restarts):
        x = domain.clean.clone() if restart == 0 else domain.random(streams)
        left, gradient = spec.steps, torch.zeros_like(x)
        while left > 2:
            pairs = min(PAIRS, (left - 1) // 2)
            gradient *= MOMENTUM
            for _ in range(pairs):
                u = direction()
                above, below = (
                    problem.loss(domain.project(x + u)),
                    problem.loss(domain.project(x - u)),
                )
                gradient += (above - below)[:, None, None, None] * u
            x = domain.ascend(x, gradient, share)
            problem.loss(x)
            left -= 2 * pairs + 1
        u = direction()
        for sign in (1.0, -1.0)[:left]:
            problem.loss(domain.project(x + sign * u))


def _share(step: int, steps: int) -> float:
    """Return the share of a view for try number `step` of `steps`.

    It is halved at HALVED_AT, which are rescaled to the number of tries.
    """
    now = step / steps * 10000
    return P_INIT / 2.0 ** sum(now > at for at in HALVED_AT)


def _put(domain: Domain, x: Tensor, changes: list[tuple[Tensor | slice, Tensor]]) -> Tensor:
    """Return x with each frame's positions in the corner of the ball that their signs name."""
    flat = x.flatten(1).clone()
    for row, (index, signs) in enumerate(changes):
        flat[row, index] = domain.clean[row].flatten()[index] + domain.eps * signs.to(flat)
    return domain.project(flat.reshape(x.shape))
