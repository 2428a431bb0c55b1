"""The model's forward pass for attacks: differentiable in the inputs, without unused work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import torch
from torch import Tensor

from calico.data.batch import Batch
from calico.device import use_deterministic_algorithms
from calico.errors import CalicoError
from calico.models.calico import CalicoModel, Outputs
from calico_eval.engines.network.straight_through import make_membership_term


class Runnable(Protocol):
    """A network on its device."""

    @property
    def model(self) -> CalicoModel:
        """The network."""
        ...

    @property
    def device(self) -> torch.device:
        """Device that holds it."""
        ...


class AttackForward:
    """Computes the same outputs as `model(batch)` at less cost.

    The branch of a sensor that is not attacked runs once, and a head that the objective does not
    read does not run.

    Args:
        model: Network in evaluation mode.
        batch: Clean batch. Later ones differ from it in the attacked sensors only.
        attacked: The attacked sensors.
        detection: Whether the outputs of the detection head are wanted.
        map: Whether the outputs of the map head are wanted.
        crossing_m: How far a point may go [m], to let gradients see it change its pillar
            (`straight_through`), or None for the true gradient. The outputs are the same.
    """

    def __init__(
        self,
        model: CalicoModel,
        batch: Batch,
        attacked: tuple[str, ...],
        *,
        detection: bool = True,
        map: bool = False,  # noqa: A002
        crossing_m: float | None = None,
    ) -> None:
        self._model, self._crossing_m = model, crossing_m
        self._detection, self._map = (
            detection and model.center is not None,
            map and model.segmentation is not None,
        )
        with torch.no_grad():
            self._camera = (
                None if "camera" in attacked or model.camera is None else model.camera_bev(batch)
            )
            self._lidar = (
                None if "lidar" in attacked or model.lidar is None else model.lidar_bev(batch)
            )

    def __call__(self, batch: Batch) -> Outputs:
        """Compute the outputs of the wanted heads, differentiable in the attacked sensors."""
        model = self._model
        camera, lidar = self._camera, self._lidar
        if camera is None and model.camera is not None:
            camera = model.camera_bev(batch)
        if lidar is None and model.lidar is not None:
            lidar = self._lidar_bev(batch)
        return self._heads(camera, lidar)

    def from_canvas(self, canvas: Tensor) -> Outputs:
        """Compute the same outputs from pillar features, differentiable in them.

        Args:
            canvas: (B, C, Y, X) features of `PillarEncoder.canvas`.

        Returns:
            The outputs of the wanted heads.

        Raises:
            CalicoError: The model has no LiDAR.
        """
        encoder = self._model.lidar
        if encoder is None:
            raise CalicoError("a model without LiDAR has no pillars")
        return self._heads(self._camera, encoder.stem(canvas))

    def _heads(self, camera: Tensor | None, lidar: Tensor | None) -> Outputs:
        model = self._model
        bev = model.run_trunk(model.fuse_branches(camera, lidar))
        return Outputs(
            tasks=model.center(bev) if self._detection and model.center is not None else (),
            map_logits=model.segmentation(bev)
            if self._map and model.segmentation is not None
            else None,
            bev=bev,
        )

    def _lidar_bev(self, batch: Batch) -> Tensor:
        encoder = self._model.lidar
        if encoder is None or self._crossing_m is None:
            return self._model.lidar_bev(batch)
        points, mask = batch.points, batch.point_mask
        stem: Tensor = encoder.stem(
            encoder.canvas(points, mask)
            + make_membership_term(encoder, points, mask, self._crossing_m)
        )
        return stem


@contextmanager
def white_box(engine: Runnable) -> Iterator[None]:
    """Hold a network ready for attacks: evaluation mode, no gradients for its parameters.

    Deterministic algorithms are on. Everything is put back afterwards.

    Args:
        engine: What holds the network and its device.
    """
    model, training = engine.model, engine.model.training
    wanted = [parameter for parameter in model.parameters() if parameter.requires_grad]
    model.eval()
    for parameter in wanted:
        parameter.requires_grad_(False)
    try:
        with use_deterministic_algorithms(engine.device), torch.enable_grad():
            yield
    finally:
        for parameter in wanted:
            parameter.requires_grad_(True)
        model.train(training)
