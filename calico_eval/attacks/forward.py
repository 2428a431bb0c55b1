"""The model's forward pass as an attack needs it: differentiable in the inputs, with no work that the attack does not use."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from calico.data.batch import Batch
from calico.device import deterministic
from calico.errors import CalicoError
from calico.models.calico import CalicoModel, Outputs
from calico_eval.attacks.threat import Sensor
from calico_eval.engines.torch import TorchEngine


class DetectionForward:
    """The same detections as `model(batch)`, at less cost: the map head is left out, and the branch of the sensor that is not
    attacked runs once.

    Args:
        model: with a detection head.
        batch: the clean batch; later ones differ from it in the attacked sensor only.
        attacked: that sensor.
    """

    def __init__(self, model: CalicoModel, batch: Batch, attacked: Sensor) -> None:
        self._model, self._attacked = model, attacked
        with torch.no_grad():
            self._camera = None if attacked == "camera" or model.camera is None else model.camera_bev(batch)
            self._lidar = None if attacked == "lidar" or model.lidar is None else model.lidar_bev(batch)

    def __call__(self, batch: Batch) -> Outputs:
        """Outputs without map logits, differentiable in the attacked sensor's tensor."""
        model = self._model
        if model.center is None:
            raise CalicoError(
                "this model has no detection head (model.detection is null); expected a model that detects"
            )
        camera = model.camera_bev(batch) if self._attacked == "camera" else self._camera
        lidar = model.lidar_bev(batch) if self._attacked == "lidar" else self._lidar
        bev = model.trunk(model.fuse(camera, lidar))
        return Outputs(tasks=model.center(bev), map_logits=None, bev=bev)


@contextmanager
def white_box(engine: TorchEngine) -> Iterator[None]:
    """Evaluation mode, no gradients for parameters, deterministic algorithms; everything is put back afterwards."""
    model, training = engine.model, engine.model.training
    wanted = [parameter for parameter in model.parameters() if parameter.requires_grad]
    model.eval()
    for parameter in wanted:
        parameter.requires_grad_(False)
    try:
        with deterministic(engine.device), torch.enable_grad():
            yield
    finally:
        for parameter in wanted:
            parameter.requires_grad_(True)
        model.train(training)
