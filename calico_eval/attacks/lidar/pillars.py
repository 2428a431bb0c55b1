"""What an attack that moves points in and out sees of a model: the objective of a cloud, and its gradient on the pillars.

A point that vanishes or appears changes its pillar by a jump, which the gradient of its coordinates does not see. The pillar
encoder takes a maximum over the points of a pillar, so the jump of the pillar's features is known exactly at no cost: for a point
that vanishes from the second largest value, for one that appears from its own features. What a jump does to the objective is
taken from the gradient on the pillar features. The features of a pillar's other points hold their offset from the pillar's mean
point, whose shift is left out; in pillars of two or three points it is not small, so that the attacks measure what they did.

This takes the place of the saliency of Zheng et al. (ICCV 2019), the gradient on a point's distance from the centre of its
object, which stands for the loss of a point in networks that pool over the whole object.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from calico.data.batch import Batch, collate_frames
from calico.frame import Float32, Frame
from calico.models.calico import Outputs
from calico.models.pillars import PillarEncoder
from calico.seeds import make_generator
from calico_eval.attacks.details import AttackDetails, Crafted
from calico_eval.attacks.spec import AttackSpec
from calico_eval.attacks.whitebox.run import stream_seed
from calico_eval.engines.base import Engine
from calico_eval.engines.network.forward import AttackForward, white_box
from calico_eval.engines.network.objectives import OBJECTIVES, Scene, choose_objective
from calico_eval.engines.network.straight_through import two_largest
from calico_eval.engines.torch import TorchEngine, white_box_of


class PillarLoss:
    """The objective of one frame as a function of its cloud.

    forwards, backwards: passes so far. bad_gradients: NaN or infinite entries so far, all set to zero. dead_gradient: a gradient
    was zero everywhere.
    """

    def __init__(self, engine: TorchEngine, frame: Frame, spec: AttackSpec, objective: str) -> None:
        encoder = engine.model.lidar
        assert encoder is not None  # `white_box_of` has looked
        self.encoder: PillarEncoder = encoder
        self.device = engine.device
        self._objective = OBJECTIVES[objective]
        batch = collate_frames([frame]).to(engine.device)
        self._scene = Scene(engine.model, batch)
        self._forward = AttackForward(
            engine.model, batch, ("lidar",),
            detection="detection" in self._objective.heads, map="map" in self._objective.heads,
            crossing_m=spec.crossing_m,
        )  # fmt: skip
        self.losses: list[float] = []
        self.backwards = self.bad_gradients = self._passes = 0
        self.dead_gradient = False

    @property
    def forwards(self) -> int:
        """Those of the scene included."""
        return self._passes + self._scene.forwards

    def value(self, points: Float32) -> float:
        """The objective of a cloud (N, 5)."""
        with torch.no_grad():
            return self._noted(self._forward(self._batch(torch.from_numpy(points))))[0]

    def pillars(self, points: Float32) -> Pillars:
        """The objective of a cloud (N, 5) and its gradient on every pillar's features."""
        batch = self._batch(torch.from_numpy(points))
        with torch.no_grad():
            canvas = self.encoder.canvas(batch.points, batch.point_mask)
        canvas.requires_grad_(True)
        loss, value = self._noted(self._forward.from_canvas(canvas))
        return Pillars(self.encoder, batch, loss, self._gradient(value, canvas)[0].flatten(1).T)

    def positions(self, kept: Float32, added: Tensor) -> tuple[float, Tensor]:
        """The objective of kept points (N, 5) and added ones (K, 5), and its gradient on the latter (K, 5)."""
        added = added.detach().requires_grad_(True)
        points = torch.cat([torch.from_numpy(kept).to(self.device), added])
        loss, value = self._noted(self._forward(self._batch(points)))
        return loss, self._gradient(value, added)

    def delivered(self, frame: Frame) -> float:
        """The objective on a frame as the engine would see it: through collate and the model's own forward pass."""
        self._passes += 1
        with torch.no_grad():
            outputs = self._scene.model(collate_frames([frame]).to(self.device))
            return float(self._objective.loss(self._scene, outputs)[0])

    def _gradient(self, value: Tensor, source: Tensor) -> Tensor:
        self.backwards += 1
        (raw,) = (
            torch.autograd.grad(value, source, allow_unused=True)
            if value.requires_grad
            else (None,)
        )
        raw = torch.zeros_like(source) if raw is None else raw
        gradient = torch.nan_to_num(raw, nan=0.0, posinf=0.0, neginf=0.0).detach()
        self.bad_gradients += int((~torch.isfinite(raw)).sum())
        self.dead_gradient |= not bool(gradient.any())
        return gradient

    def _noted(self, outputs: Outputs) -> tuple[float, Tensor]:
        value = self._objective.loss(self._scene, outputs)[0]
        self._passes += 1
        self.losses.append(float(value.detach()))
        return self.losses[-1], value

    def _batch(self, points: Tensor) -> Batch:
        """The clean batch with another cloud; an empty cloud is one empty slot."""
        mask = torch.ones(1, max(1, len(points)), dtype=torch.bool, device=self.device)
        if len(points) == 0:
            points, mask = torch.zeros(1, 5), ~mask
        return replace(self._scene.batch, points=points.to(self.device)[None], point_mask=mask)


@dataclass(frozen=True)
class Pillars:
    """The gradient (Y * X, C) of an objective on the pillars of one cloud, and what jumps of pillars are worth in it."""

    encoder: PillarEncoder
    batch: Batch
    loss: float
    gradient: Tensor

    def of_removal(self) -> tuple[Tensor, Tensor]:
        """What the objective gains, to first order in the pillars: (N,) when that point alone vanishes, and (N,) when its whole
        pillar does, per point of the pillar."""
        points, mask = self.batch.points, self.batch.point_mask
        with torch.no_grad():
            features = self.encoder.point_features(points, mask)[0]
            cell = self.encoder.cells(points, mask)[0]
            best, second = two_largest(features, cell, len(self.gradient) + 1)
            gradient = self._padded()[cell]
            without = torch.where(features >= best[cell], second[cell], best[cell])
            alone = ((without - best[cell]) * gradient).sum(dim=1)
            count = torch.bincount(cell, minlength=len(best))[cell]
            together = -(best[cell] * gradient).sum(dim=1) / count
        return alone, together

    def of_addition(self, added: Tensor) -> Tensor:
        """(K,) what the objective gains when that point (K, 5) alone appears, -inf off the grid. At most one a pillar: of
        several, the offset from the pillar's mean point would be that of all together."""
        points = torch.cat([self.batch.points, added[None]], dim=1)
        mask = torch.cat(
            [
                self.batch.point_mask,
                torch.ones(1, len(added), dtype=torch.bool, device=added.device),
            ],
            dim=1,
        )
        old = len(self.batch.points[0])
        with torch.no_grad():
            features = self.encoder.point_features(points, mask)[0]
            cell = self.encoder.cells(points, mask)[0]
            best, _ = two_largest(features[:old], cell[:old], len(self.gradient) + 1)
            rise = (features[old:] - best[cell[old:]]).clamp_min(0.0)
            gain = (rise * self._padded()[cell[old:]]).sum(dim=1)
        return gain.masked_fill(cell[old:] == len(self.gradient), -torch.inf)

    def _padded(self) -> Tensor:
        return torch.cat([self.gradient, self.gradient.new_zeros(1, self.gradient.shape[1])])


Attack = Callable[[PillarLoss, Frame, AttackSpec, np.random.Generator], Frame]
"""Returns the best frame that it has seen, the clean one where nothing was better."""


def with_pillars(
    attack: Attack,
) -> Callable[[Engine, Sequence[Frame], AttackSpec, int], list[Crafted]]:
    """The craft of an attack that works on pillars. The objective is measured again on what is delivered, by the whole model."""

    def craft(
        engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int
    ) -> list[Crafted]:
        torch_engine = white_box_of(engine, f"attack {spec.name}", ("lidar",))
        with white_box(torch_engine):
            return [_one(torch_engine, frame, spec, seed) for frame in frames]

    def _one(engine: TorchEngine, frame: Frame, spec: AttackSpec, seed: int) -> Crafted:
        objective, note = choose_objective(spec.objective, frame, engine.config)
        loss = PillarLoss(engine, frame, spec, objective)
        changed = attack(
            loss, frame, spec, make_generator(seed, "attack", spec.name, spec.sensor, frame.token)
        )
        clean, attacked = loss.delivered(frame), loss.delivered(changed)
        if changed is frame:
            note = "; ".join(
                filter(None, (note, "no change raised the objective: nothing was changed"))
            )
        details = AttackDetails(
            objective=objective,
            note=note,
            seed=stream_seed(frame, spec, seed),
            loss_clean=clean,
            loss_attacked=attacked,
            losses=tuple(loss.losses),
            forwards=loss.forwards,
            backwards=loss.backwards,
            bad_gradients=loss.bad_gradients,
            dead_gradient=loss.dead_gradient,
        )
        return Crafted(changed, details)

    return craft
