"""Our model in torch: the reference that every other engine is compared with, and the one that gives gradients."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import torch

from calico.config.schema import Config
from calico.data.batch import collate_frames
from calico.device import pick_device, use_deterministic_algorithms
from calico.errors import CalicoError
from calico.frame import Frame
from calico.models.calico import CalicoModel
from calico.predictions import Predictions
from calico.train.checkpoint import load_model
from calico_eval.engines.answers import AnswerCheck
from calico_eval.engines.base import Engine


class TorchEngine:
    """A CalicoModel in evaluation mode on one device.

    model, config: for white-box attacks, which differentiate through `model`.
    """

    def __init__(
        self,
        model: CalicoModel,
        config: Config,
        device: str = "auto",
        model_name: str | None = None,
    ) -> None:
        self.device = pick_device(device)
        self.model = model.to(self.device).eval()
        self.config = config
        self.name = f"torch-{self.device.type}"
        self.model_name = model_name or config.name
        present = (("camera", config.model.camera), ("lidar", config.model.lidar))
        self.sensors = tuple(sensor for sensor, branch in present if branch is not None)
        self._answers = AnswerCheck(len(config.model.map.classes) if config.model.map else 0)

    @cached_property
    def sha256(self) -> str:
        """See `Engine.sha256`; taken when it is first asked for."""
        return _hash(self.model, self.config)

    @staticmethod
    def load(path: Path, device: str = "auto", model_name: str | None = None) -> TorchEngine:
        """From a .safetensors checkpoint or the folder of a training run."""
        model, config = load_model(path, "cpu")
        return TorchEngine(model, config, device, model_name)

    def predict(self, frames: Sequence[Frame]) -> list[Predictions]:
        """See `Engine.predict`. All frames in one batch, without gradients."""
        with torch.no_grad(), use_deterministic_algorithms(self.device):
            found = self.model.predict(collate_frames(frames).to(self.device))
        return self._answers.check(frames, found, f"model {self.model_name} ({self.name})")


def white_box_of(engine: Engine, what: str, sensors: Sequence[str]) -> TorchEngine:
    """The engine, where it gives gradients and looks at all of `sensors`. what: for the message.

    Raises:
        CalicoError: it does not.
    """
    if not isinstance(engine, TorchEngine):
        raise CalicoError(
            f"{what}: engine {engine.name} gives no gradients; expected the torch engine. Attack the torch model and evaluate "
            "the attacked frames on this engine, or choose an attack by queries"
        )
    blind = [sensor for sensor in sensors if sensor not in engine.sensors]
    if blind:
        raise CalicoError(
            f"{what}: sensor is '{blind[0]}', but model {engine.model_name} only looks at {' and '.join(engine.sensors)}"
        )
    return engine


def _hash(model: CalicoModel, config: Config) -> str:
    """Of the weights and the part of the configuration that lies between a frame and its predictions."""
    digest = hashlib.sha256()
    digest.update(config.grid.model_dump_json().encode())
    digest.update(config.model.model_dump_json().encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
