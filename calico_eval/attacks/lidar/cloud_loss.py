"""What an attack that moves points in and out sees of a model: the objective of a cloud.

The attack asks for the objective of a whole cloud, for its gradient at points that it added, and
for what single points are worth (`PointValues`), which every engine estimates in its own way: our
network from the gradient on its pillars (`engines.network.pillars`), a user's model from the
gradient on point weights or positions (`engines.point_values`). Estimates only order the
candidates. What counts is the objective on the changed cloud.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from calico.data.batch import Batch, collate_frames
from calico.frame import Float32, Frame
from calico.seeds import make_generator
from calico_eval.attacks.details import AttackDetails, Crafted
from calico_eval.attacks.spec import AttackSpec
from calico_eval.attacks.whitebox.run import stream_seed
from calico_eval.engines.base import Engine
from calico_eval.engines.white_box import PointValues, WhiteBoxEngine, white_box_of


class CloudLoss:
    """The objective of one frame as a function of its cloud.

    Args:
        engine: Model whose gradients are followed. It looks at the LiDAR.
        frame: Clean frame with its ground truth.
        spec: The attack.
        objective: Name of the objective, as the engine chose it for this frame.

    Attributes:
        device: Where points are expected.
        cell_m: Size of the cells of `find_cells` [m].
        losses: Objective of every cloud that was tried.
        backwards: Gradients taken so far.
        bad_gradients: NaN or infinite gradient entries so far. All were set to zero.
        dead_gradient: Whether a gradient was zero everywhere.
    """

    def __init__(
        self, engine: WhiteBoxEngine, frame: Frame, spec: AttackSpec, objective: str
    ) -> None:
        self.device = engine.device
        self._clean = collate_frames([frame]).to(engine.device)
        self._loss = engine.attack_loss(objective, self._clean, ("lidar",), spec.crossing_m)
        self.cell_m, self.find_cells = self._loss.cell_m, self._loss.find_cells
        self.losses: list[float] = []
        self.backwards = self.bad_gradients = self._passes = 0
        self.dead_gradient = False

    @property
    def forwards(self) -> int:
        """Passes so far, those of the objective itself included."""
        return self._passes + self._loss.forwards

    def value(self, points: Float32) -> float:
        """Compute the objective of a cloud (N, 5)."""
        with torch.no_grad():
            return self._noted(self._loss(self._batch(torch.from_numpy(points))))[0]

    def rate_removals(self, points: Float32) -> tuple[Tensor, ...]:
        """Rate every point of a cloud (N, 5) (see `PointValues.rate_removals`)."""
        values = self._rate_points(points)
        rated = values.rate_removals()
        self._count(values)
        return rated

    def rate_additions(self, points: Float32, added: Tensor, count: int) -> Tensor:
        """Rate candidates for a cloud (see `PointValues.rate_additions`).

        Args:
            points: (N, 5) cloud.
            added: (K, 5) candidates, at most one per cell.
            count: Number of candidates that will be taken.

        Returns:
            (K,) gains.
        """
        values = self._rate_points(points)
        rated = values.rate_additions(added, count) if len(added) else added.new_zeros(0)
        self._count(values)
        return rated

    def positions(self, kept: Float32, added: Tensor) -> tuple[float, Tensor]:
        """Compute the objective and its gradient at added points.

        Args:
            kept: (N, 5) points that stay.
            added: (K, 5) points that were added.

        Returns:
            The objective, and its gradient (K, 5) at the added points.
        """
        added = added.detach().requires_grad_(True)
        points = torch.cat([torch.from_numpy(kept).to(self.device), added])
        loss, value = self._noted(self._loss(self._batch(points)))
        return loss, self._gradient(value, added)

    def delivered(self, frame: Frame) -> float:
        """Compute the objective on a frame as the engine sees it, by the model's own pass."""
        self._passes += 1
        with torch.no_grad():
            return float(self._loss.compute_whole(collate_frames([frame]).to(self.device))[0])

    def _rate_points(self, points: Float32) -> PointValues:
        values = self._loss.rate_points(self._batch(torch.from_numpy(points)))
        self.losses.append(values.loss)
        return values

    def _count(self, values: PointValues) -> None:
        self._passes += values.forwards
        self.backwards += values.backwards
        self.bad_gradients += values.bad_gradients
        self.dead_gradient |= values.dead_gradient

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

    def _noted(self, values: Tensor) -> tuple[float, Tensor]:
        self._passes += 1
        self.losses.append(float(values[0].detach()))
        return self.losses[-1], values[0]

    def _batch(self, points: Tensor) -> Batch:
        """Put another cloud into the clean batch; an empty cloud is one empty slot."""
        mask = torch.ones(1, max(1, len(points)), dtype=torch.bool, device=self.device)
        if len(points) == 0:
            points, mask = torch.zeros(1, 5), ~mask
        return replace(self._clean, points=points.to(self.device)[None], point_mask=mask)


Attack = Callable[[CloudLoss, Frame, AttackSpec, np.random.Generator], Frame]
"""Returns the best frame that it has seen, the clean one where nothing was better."""


def follow_cloud(
    attack: Attack,
) -> Callable[[Engine, Sequence[Frame], AttackSpec, int], list[Crafted]]:
    """Make the function of an attack that adds or removes points, frame by frame.

    The objective is measured again on what is delivered, by the whole model.
    """

    def compute_attack(
        engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int
    ) -> list[Crafted]:
        followed = white_box_of(engine, f"attack {spec.name}", ("lidar",))
        with followed.attack_mode():
            return [_one(followed, frame, spec, seed) for frame in frames]

    def _one(engine: WhiteBoxEngine, frame: Frame, spec: AttackSpec, seed: int) -> Crafted:
        objective, note = engine.choose_objective(spec.objective, frame)
        loss = CloudLoss(engine, frame, spec, objective)
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

    return compute_attack
