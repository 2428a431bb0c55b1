"""Attacks that search in a `Domain`: the run of one algorithm on a batch of frames, from clean frames to delivered ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import groupby

import torch
from torch import Tensor

from calico.data.batch import collate
from calico.frame import Frame
from calico.seeds import derive
from calico_eval.attacks.details import AttackDetails, Crafted
from calico_eval.attacks.domain import Domain, Streams, make_domain
from calico_eval.attacks.forward import AttackForward, white_box
from calico_eval.attacks.objectives import OBJECTIVES, Scene, choose_objective
from calico_eval.attacks.problem import Problem
from calico_eval.attacks.spec import AttackSpec
from calico_eval.engines.base import Engine
from calico_eval.engines.torch import TorchEngine, white_box_of

Search = Callable[[Problem, AttackSpec, Streams], None]
"""Tries inputs; what it found is in the problem's trace."""


def search(algorithm: Search) -> Callable[[Engine, Sequence[Frame], AttackSpec, int], list[Crafted]]:
    """The attack that runs `algorithm` with the model's gradients. Frames of one objective are searched together.

    Of the best iterates the delivered (rounded) frame is what counts; a search with a random start that ends below the clean loss
    on any frame is run again from the clean frames, and the better of the two is kept.
    """

    def craft(engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int) -> list[Crafted]:
        torch_engine = white_box_of(engine, f"attack {spec.name}", spec.threat.sensors)
        chosen = [(*choose_objective(spec.objective, frame, torch_engine.config), frame) for frame in frames]
        crafted: list[Crafted] = []
        for (objective, note), group in groupby(chosen, lambda item: item[:2]):
            members = [frame for *_, frame in group]
            one = _WhiteBoxRun(torch_engine, members, replace(spec, objective=objective), seed, note)
            crafted += one.run(algorithm)
        return crafted

    return craft


def noise(engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int) -> list[Crafted]:
    """A random corner of the ball, without a look at the model: the control."""
    domain = make_domain(frames, spec.threat, torch.device("cpu"))
    delivered = domain.frames(domain.corner(streams_of(frames, spec, seed)))
    return [
        Crafted(after, AttackDetails(seed=stream_seed(before, spec, seed)))
        for before, after in zip(frames, delivered, strict=True)
    ]


def streams_of(frames: Sequence[Frame], spec: AttackSpec, seed: int) -> list[torch.Generator]:
    """One generator per frame, see `stream_seed`."""
    return [torch.Generator().manual_seed(stream_seed(frame, spec, seed)) for frame in frames]


def stream_seed(frame: Frame, spec: AttackSpec, seed: int) -> int:
    """Of (seed of the run, attack, sensor, token): neither the order nor the company of frames matters."""
    return derive(seed, "attack", spec.name, spec.sensor, frame.token)


class _WhiteBoxRun:
    """One objective on a batch of frames."""

    def __init__(self, engine: TorchEngine, frames: Sequence[Frame], spec: AttackSpec, seed: int, note: str) -> None:
        self.engine, self.spec, self.seed, self.note = engine, spec, seed, note
        self.clean_frames = frames
        self.objective = OBJECTIVES[spec.objective]

    def run(self, algorithm: Search) -> list[Crafted]:
        """Searches, delivers, and looks at what was delivered."""
        with white_box(self.engine):
            domain = make_domain(self.clean_frames, self.spec.threat, self.engine.device)
            clean_batch = domain.batch(domain.clean)
            self.scene = Scene(self.engine.model, collate(self.clean_frames).to(self.engine.device))
            forward = AttackForward(
                self.engine.model, clean_batch, self.spec.threat.sensors,
                detection="detection" in self.objective.heads, map="map" in self.objective.heads,
                straight_through=self.spec.straight_through,
            )  # fmt: skip

            def loss(x: Tensor) -> Tensor:
                return self.objective.loss(self.scene, forward(domain.batch(x)))

            problem = Problem(domain, loss, differentiable=True)
            algorithm(problem, self.spec, streams_of(self.clean_frames, self.spec, self.seed))
            clean = self._delivered_loss(self.clean_frames)
            frames, attacked = self._best(domain, problem)
            extra = 2
            if self.spec.random_start and bool((attacked < clean).any()):
                again = replace(self.spec, random_start=False, restarts=1)
                retry = Problem(domain, loss, differentiable=True)
                algorithm(retry, again, streams_of(self.clean_frames, again, self.seed))
                other_frames, other = self._best(domain, retry)
                better = other > attacked
                frames = [new if won else old for old, new, won in zip(frames, other_frames, better, strict=True)]
                attacked = torch.maximum(attacked, other)
                problem.trace.forwards += retry.trace.forwards
                problem.trace.backwards += retry.trace.backwards
                extra = 3
        return [Crafted(frame, self._details(row, problem, clean, attacked, extra)) for row, frame in enumerate(frames)]

    def _best(self, domain: Domain, problem: Problem) -> tuple[list[Frame], Tensor]:
        best = problem.trace.best
        frames = domain.frames(domain.clean if best is None else best)
        return frames, self._delivered_loss(frames)

    def _delivered_loss(self, frames: Sequence[Frame]) -> Tensor:
        """(B,) the objective on frames as the engine would see them: through collate and the model's own forward pass."""
        batch = collate(frames).to(self.engine.device)
        with torch.no_grad():
            return self.objective.loss(self.scene, self.engine.model(batch)).cpu()

    def _details(self, row: int, problem: Problem, clean: Tensor, attacked: Tensor, extra: int) -> AttackDetails:
        trace, frame = problem.trace, self.clean_frames[row]
        return AttackDetails(
            objective=self.objective.name,
            note=self.note,
            seed=stream_seed(frame, self.spec, self.seed),
            loss_clean=float(clean[row]),
            loss_attacked=float(attacked[row]),
            losses=tuple(float(loss[row]) for loss in trace.losses),
            forwards=trace.forwards + extra + self.scene.forwards,
            backwards=trace.backwards,
            gradient_share=self._gradient_share(trace.first_gradient, row),
            bad_gradients=trace.bad_gradients if row == 0 else 0,
            dead_gradient=trace.dead is not None and bool(trace.dead[row]),
        )

    def _gradient_share(self, gradient: Tensor | None, row: int) -> tuple[float, ...]:
        """See `AttackDetails.gradient_share`. A joint latent is split as `JointDomain` joins it."""
        if gradient is None:
            return ()
        frame, flat, threat = self.clean_frames[row], gradient[row].flatten(), self.spec.threat
        share: tuple[float, ...] = ()
        if "camera" in threat.sensors:
            views = len(frame.images)
            pixels = flat if "lidar" not in threat.sensors else flat[: self._pixel_count()]
            share = tuple(float(s) for s in (pixels.reshape(views, 3, -1) != 0).any(dim=1).float().mean(dim=1))
            flat = flat[len(pixels) :]
        if "lidar" in threat.sensors:
            slots = max(1, *(len(other.points) for other in self.clean_frames))
            alive = (flat.reshape(slots, -1)[: len(frame.points)] != 0).any(dim=1)
            share += (float(alive.float().mean()) if len(alive) else 0.0,)
        return share

    def _pixel_count(self) -> int:
        images = [image for frame in self.clean_frames for image in frame.images]
        height, width = max(image.shape[0] for image in images), max(image.shape[1] for image in images)
        return int(len(self.clean_frames[0].images) * 3 * height * width)
