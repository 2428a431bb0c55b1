"""Our network's objectives as functions of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from calico.data.batch import Batch
from calico.errors import CalicoError
from calico.models.calico import CalicoModel
from calico.models.pillars import PillarEncoder
from calico_eval.engines.network.forward import AttackForward
from calico_eval.engines.network.objectives.scene import Scene
from calico_eval.engines.network.objectives.table import OBJECTIVES
from calico_eval.engines.network.pillars import Pillars


class NetworkLoss:
    """One objective on our network (see `calico_eval.engines.white_box.AttackLoss`).

    Args:
        model: Network in evaluation mode.
        objective: Key of `OBJECTIVES`.
        clean: Clean batch with its ground truth.
        sensors: Attacked sensors.
        crossing_m: See `AttackForward`.
    """

    def __init__(
        self,
        model: CalicoModel,
        objective: str,
        clean: Batch,
        sensors: Sequence[str],
        crossing_m: float | None = None,
    ) -> None:
        self._objective, self._model = OBJECTIVES[objective], model
        self._sensors, self._crossing_m = tuple(sensors), crossing_m
        self._scene = Scene(model, clean)

    @property
    def cell_m(self) -> float:
        """Size of a pillar [m]."""
        return self.encoder.grid.cell_m

    @property
    def encoder(self) -> PillarEncoder:
        """The pillar encoder; raises CalicoError for a model without LiDAR."""
        if self._model.lidar is None:
            raise CalicoError("a model without LiDAR has no pillars")
        return self._model.lidar

    @property
    def forwards(self) -> int:
        """See `AttackLoss.forwards`."""
        return self._scene.forwards

    def __call__(self, batch: Batch) -> Tensor:
        """Compute the objective (see `AttackLoss`)."""
        return self._objective.loss(self._scene, self._forward(batch))

    def compute_whole(self, batch: Batch) -> Tensor:
        """Compute the objective through the whole model (see `AttackLoss.compute_whole`)."""
        return self._objective.loss(self._scene, self._model(batch))

    def find_cells(self, points: Tensor) -> Tensor:
        """Find each point's pillar (see `AttackLoss.find_cells`)."""
        mask = torch.ones(1, len(points), dtype=torch.bool, device=points.device)
        return self.encoder.cells(points[None], mask)[0]

    def rate_points(self, batch: Batch) -> Pillars:
        """Take the gradient on every pillar's features (see `AttackLoss.rate_points`)."""
        with torch.no_grad():
            canvas = self.encoder.canvas(batch.points, batch.point_mask)
        canvas.requires_grad_(True)
        value = self._objective.loss(self._scene, self._forward.from_canvas(canvas))[0]
        (raw,) = (
            torch.autograd.grad(value, canvas, allow_unused=True)
            if value.requires_grad
            else (None,)
        )
        return Pillars(
            self.encoder,
            batch,
            float(value.detach()),
            torch.zeros_like(canvas) if raw is None else raw,
        )

    @cached_property
    def _forward(self) -> AttackForward:
        heads = self._objective.heads
        return AttackForward(
            self._model,
            self._scene.batch,
            self._sensors,
            detection="detection" in heads,
            map="map" in heads,
            crossing_m=self._crossing_m,
        )
