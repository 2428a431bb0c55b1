"""The run of a search in a `Domain` on a batch of frames, from clean frames to delivered ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby

import torch
from torch import Tensor

from calico.data.batch import collate_frames
from calico.frame import Frame
from calico.seeds import derive_seed
from calico_eval.attacks.details import AttackDetails, Crafted
from calico_eval.attacks.search_space.joint import Domain, Streams, make_domain
from calico_eval.attacks.search_space.problem import Problem, Trace
from calico_eval.attacks.spec import AttackSpec
from calico_eval.engines.base import Engine
from calico_eval.engines.white_box import WhiteBoxEngine, white_box_of

Search = Callable[[Problem, AttackSpec, Streams], None]
"""Tries inputs; what it found is in the problem's trace."""


def make_search(
    algorithm: Search,
) -> Callable[[Engine, Sequence[Frame], AttackSpec, int], list[Crafted]]:
    """Make the attack that runs an algorithm with the model's gradients.

    Frames of one objective are searched together. The delivered (rounded) frame of the best iterate
    counts. If a search with a random start ends below a frame's clean loss, it is run again from
    the clean frames, and the better of the two is kept for that frame.
    """

    def compute_attack(
        engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int
    ) -> list[Crafted]:
        followed = white_box_of(engine, f"attack {spec.name}", spec.threat.sensors)
        chosen = [(*followed.choose_objective(spec.objective, frame), frame) for frame in frames]
        crafted: list[Crafted] = []
        for (objective, note), group in groupby(chosen, lambda item: item[:2]):
            members = [frame for *_, frame in group]
            one = _WhiteBoxRun(followed, members, replace(spec, objective=objective), seed, note)
            crafted += one.run(algorithm)
        return crafted

    return compute_attack


def add_noise(
    engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int
) -> list[Crafted]:
    """Draw a random corner of the ball, as the control of searches.

    Args:
        engine: Not used.
        frames: The clean frames.
        spec: The attack.
        seed: Seed of the run.
    """
    domain = make_domain(frames, spec.threat, torch.device("cpu"))
    delivered = domain.deliver_frames(domain.corner(make_streams(frames, spec, seed)))
    return [
        Crafted(after, AttackDetails(seed=stream_seed(before, spec, seed)))
        for before, after in zip(frames, delivered, strict=True)
    ]


def make_streams(frames: Sequence[Frame], spec: AttackSpec, seed: int) -> list[torch.Generator]:
    """Make one generator per frame, see `stream_seed`.

    Args:
        frames: The frames.
        spec: The attack.
        seed: Seed of the run.
    """
    return [torch.Generator().manual_seed(stream_seed(frame, spec, seed)) for frame in frames]


def stream_seed(frame: Frame, spec: AttackSpec, seed: int) -> int:
    """Derive the seed of a frame's stream from attack, sensor and token.

    So neither the order nor the company of frames matters.

    Args:
        frame: The frame.
        spec: The attack.
        seed: Seed of the run.
    """
    return derive_seed(seed, "attack", spec.name, spec.sensor, frame.token)


class _WhiteBoxRun:
    """One objective on a batch of frames."""

    def __init__(
        self,
        engine: WhiteBoxEngine,
        frames: Sequence[Frame],
        spec: AttackSpec,
        seed: int,
        note: str,
    ) -> None:
        self.engine, self.spec, self.seed, self.note = engine, spec, seed, note
        self.clean_frames = frames

    def run(self, algorithm: Search) -> list[Crafted]:
        """Searches, delivers, and looks at what was delivered."""
        with self.engine.attack_mode():
            domain = make_domain(self.clean_frames, self.spec.threat, self.engine.device)
            self.raised = self.engine.attack_loss(
                self.spec.objective, domain.base, self.spec.threat.sensors, self.spec.crossing_m
            )

            def loss(x: Tensor) -> Tensor:
                return self.raised(domain.make_batch(x))

            problem = Problem(domain, loss, differentiable=True)
            algorithm(problem, self.spec, make_streams(self.clean_frames, self.spec, self.seed))
            clean = self._delivered_loss(self.clean_frames)
            frames, attacked = self._best(domain, problem)
            extra = 2
            unlucky = attacked < clean
            if self.spec.random_start and bool(unlucky.any()):
                again = replace(self.spec, random_start=False, restarts=1)
                retry = Problem(domain, loss, differentiable=True)
                algorithm(retry, again, make_streams(self.clean_frames, again, self.seed))
                other_frames, other = self._best(domain, retry)
                better = unlucky & (other > attacked)
                frames = [
                    new if won else old
                    for old, new, won in zip(frames, other_frames, better, strict=True)
                ]
                attacked = torch.where(better, other, attacked)
                problem.trace.join(retry.trace)
                extra = 3
        details = [
            self._details(row, domain, problem.trace, clean, attacked, extra)
            for row in range(len(frames))
        ]
        return [Crafted(frame, how) for frame, how in zip(frames, details, strict=True)]

    def _best(self, domain: Domain, problem: Problem) -> tuple[list[Frame], Tensor]:
        best = problem.trace.best
        frames = domain.deliver_frames(domain.clean if best is None else best)
        return frames, self._delivered_loss(frames)

    def _delivered_loss(self, frames: Sequence[Frame]) -> Tensor:
        """(B,) the objective on frames as the engine would see them.

        Through collate and the model's own forward pass.
        """
        batch = collate_frames(frames).to(self.engine.device)
        with torch.no_grad():
            return self.raised.compute_whole(batch).cpu()

    def _details(
        self, row: int, domain: Domain, trace: Trace, clean: Tensor, attacked: Tensor, extra: int
    ) -> AttackDetails:
        frame = self.clean_frames[row]
        return AttackDetails(
            objective=self.spec.objective,
            note=self.note,
            seed=stream_seed(frame, self.spec, self.seed),
            loss_clean=float(clean[row]),
            loss_attacked=float(attacked[row]),
            losses=tuple(float(loss[row]) for loss in trace.losses),
            forwards=trace.forwards + extra + self.raised.forwards,
            backwards=trace.backwards,
            gradient_share=()
            if trace.first_gradient is None
            else domain.measure_shares(trace.first_gradient, row),
            bad_gradients=0 if trace.bad_gradients is None else int(trace.bad_gradients[row]),
            dead_gradient=trace.dead is not None and bool(trace.dead[row]),
        )
