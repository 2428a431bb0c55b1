"""Textures that raise an objective, in expectation over transformations of the texture (EOT).

Source: Athalye et al., ICML 2018.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

import torch
from torch import Tensor

from calico.frame import Frame
from calico.seeds import derive_seed
from calico_eval.attacks.patch.placement import Placed
from calico_eval.attacks.patch.render import TEXELS, PatchDomain, round_textures
from calico_eval.attacks.search_space.joint import Streams
from calico_eval.attacks.search_space.problem import Problem
from calico_eval.attacks.spec import AttackSpec
from calico_eval.attacks.whitebox.gradient import draw_starts
from calico_eval.attacks.whitebox.run import stream_seed
from calico_eval.engines.white_box import WhiteBoxEngine

TextureLoss = Callable[[Tensor, Streams], Tensor]
"""(textures, streams that draw a transformation of each, or none) -> (B,)."""

BETAS, TINY = (0.9, 0.99), 1e-12
"""Constants of Adam (Kingma and Ba, ICLR 2015)."""


@dataclass(frozen=True)
class Learnt:
    """The textures of one frame, and how they came about.

    Attributes:
        textures: (3 K, TEXELS, TEXELS) in [0, 1] on the CPU, of whole grey levels.
    """

    textures: Tensor
    objective: str = ""
    note: str = ""
    losses: tuple[float, ...] = ()
    forwards: int = 0
    backwards: int = 0
    texel_share: tuple[float, ...] = field(default=())
    bad_gradients: int = 0
    dead_gradient: bool = False


def learn_textures(
    engine: WhiteBoxEngine,
    frames: Sequence[Frame],
    placed: Sequence[Sequence[Placed]],
    patches: int,
    spec: AttackSpec,
    seed: int,
) -> list[Learnt]:
    """Learn one set of textures per frame, each for its own frame.

    A frame that shows no patch keeps middle grey.

    Args:
        engine: The engine whose gradients are followed.
        frames: The clean frames.
        placed: The patches of each frame.
        patches: Number of patches.
        spec: The attack.
        seed: Seed of the run.
    """
    learnt = [
        Learnt(make_grey(patches), note="no patch is seen where its texture would be learnt")
    ] * len(frames)
    chosen = [
        (*engine.choose_objective(spec.objective, frame), row) for row, frame in enumerate(frames)
    ]
    shown = [item for item in chosen if any(one.pixels for one in placed[item[2]])]
    for (objective, note), group in groupby(shown, lambda item: item[:2]):
        rows = [row for *_, row in group]
        members = [frames[row] for row in rows]
        with engine.attack_mode():
            domain = PatchDomain(members, [placed[row] for row in rows], patches, engine.device)
            raised = texture_loss(engine, domain, replace(spec, objective=objective))
            x, problem = best_textures(domain, raised, spec, patch_streams(members, spec, seed))
        for position, row in enumerate(rows):
            learnt[row] = _learnt(problem, x, position, objective, note)
    return learnt


def texture_loss(engine: WhiteBoxEngine, domain: PatchDomain, spec: AttackSpec) -> TextureLoss:
    """Make the spec's objective on a domain's frames.

    Args:
        engine: The engine whose gradients are followed.
        domain: The frames with their patches.
        spec: The attack.
    """
    sensors = spec.threat.sensors
    of_batch = engine.attack_loss(spec.objective, domain.base, sensors, spec.crossing_m)

    def loss(x: Tensor, streams: Streams) -> Tensor:
        return of_batch(domain.make_batch(x, streams))

    return loss


def best_textures(
    domain: PatchDomain, raised: TextureLoss, spec: AttackSpec, streams: Streams
) -> tuple[Tensor, Problem]:
    """Run Adam from each start, with a fresh transformation per step.

    The candidates are the ends and the best try. The textures with the highest loss without a
    transformation are taken.

    Args:
        domain: The frames with their patches.
        raised: The objective.
        spec: The attack.
        streams: Generators of each frame.

    Returns:
        Textures like x, of whole grey levels, and the problem with its trace.
    """
    problem = Problem(domain, lambda x: raised(x, streams), differentiable=True)
    candidates = [ascend_with_adam(problem, spec, x) for x in draw_starts(problem, spec, streams)]
    if problem.trace.best is not None:
        candidates.append(problem.trace.best)
    best, best_loss = round_textures(candidates[0]), None
    for x in map(round_textures, candidates):
        with torch.no_grad():
            loss = raised(x, ())
        problem.trace.forwards += 1
        better = torch.ones_like(loss, dtype=torch.bool) if best_loss is None else loss > best_loss
        best = torch.where(better[:, None, None, None], x, best)
        best_loss = loss if best_loss is None else torch.maximum(loss, best_loss)
    return best, problem


def ascend_with_adam(problem: Problem, spec: AttackSpec, x: Tensor) -> Tensor:
    """Make `spec.steps` steps of Adam uphill, each of about `spec.step` radii, kept in [0, 1].

    Args:
        problem: The objective.
        spec: The attack.
        x: Textures at the start.
    """
    mean, square = torch.zeros_like(x), torch.zeros_like(x)
    for step in range(1, spec.steps + 1):
        _, gradient = problem.gradient(x)
        mean = BETAS[0] * mean + (1 - BETAS[0]) * gradient
        square = BETAS[1] * square + (1 - BETAS[1]) * gradient**2
        direction = (mean / (1 - BETAS[0] ** step)) / (
            (square / (1 - BETAS[1] ** step)).sqrt() + TINY
        )
        x = problem.domain.project(x + spec.step * problem.domain.eps * direction)
    return x


def make_grey(patches: int) -> Tensor:
    """Make textures (3 K, TEXELS, TEXELS) of middle grey, 128."""
    return round_textures(torch.full((3 * patches, TEXELS, TEXELS), 0.5))


def patch_streams(frames: Sequence[Frame], spec: AttackSpec, seed: int) -> list[torch.Generator]:
    """Make one generator per frame, for its start and its transformations.

    Args:
        frames: The frames.
        spec: The attack.
        seed: Seed of the run.
    """
    return [
        torch.Generator().manual_seed(derive_seed(stream_seed(frame, spec, seed), "patch"))
        for frame in frames
    ]


def _learnt(problem: Problem, x: Tensor, row: int, objective: str, note: str) -> Learnt:
    trace = problem.trace
    first = trace.first_gradient
    return Learnt(
        textures=x[row].cpu(),
        objective=objective,
        note=note,
        losses=tuple(float(loss[row]) for loss in trace.losses),
        forwards=trace.forwards,
        backwards=trace.backwards,
        texel_share=() if first is None else (float((first[row] != 0).float().mean()),),
        bad_gradients=0 if trace.bad_gradients is None else int(trace.bad_gradients[row]),
        dead_gradient=trace.dead is not None and bool(trace.dead[row]),
    )
