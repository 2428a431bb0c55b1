"""Our model in torch: the reference for every other engine, and the one that gives gradients."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from calico.config.schema import Config
from calico.data.batch import Batch, collate_frames
from calico.device import pick_device, use_deterministic_algorithms
from calico.frame import Bool, Float32, Frame
from calico.models.calico import CalicoModel
from calico.predictions import Predictions
from calico.taxonomy import NUSCENES
from calico.train.checkpoint import load_model
from calico_eval.engines.answers import AnswerCheck
from calico_eval.engines.network.attack_loss import NetworkLoss
from calico_eval.engines.network.forward import white_box
from calico_eval.engines.network.inside import NetworkInside
from calico_eval.engines.network.objectives import (
    OBJECTIVES,
    check_model,
    choose_objective,
    class_names,
    usual_objective,
)


class TorchEngine:
    """A CalicoModel in evaluation mode on one device.

    It implements `calico_eval.engines.white_box.WhiteBoxEngine`, so attacks can follow its
    gradients.

    Attributes:
        model: The network in evaluation mode.
        config: Its configuration.
        device: Where it runs.
    """

    crosses_cells = True

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
        self._answers = AnswerCheck(config.taxonomy.build())

    @cached_property
    def sha256(self) -> str:
        """See `Engine.sha256`, computed when it is first asked for."""
        return _hash(self.model, self.config)

    @staticmethod
    def load(path: Path, device: str = "auto", model_name: str | None = None) -> TorchEngine:
        """Load a .safetensors checkpoint or the folder of a training run.

        Args:
            path: File or folder.
            device: 'auto', 'cpu' or 'cuda'.
            model_name: Name in reports, by default the configuration's.

        Returns:
            The engine.
        """
        model, config = load_model(path, "cpu")
        return TorchEngine(model, config, device, model_name)

    def predict(self, frames: Sequence[Frame]) -> list[Predictions]:
        """See `Engine.predict`. All frames form one batch, without gradients."""
        with torch.no_grad(), use_deterministic_algorithms(self.device):
            found = self.model.predict(collate_frames(frames).to(self.device))
        return self._answers.check_answers(frames, found, f"model {self.model_name} ({self.name})")

    @property
    def inside(self) -> NetworkInside:
        """The network's layers, as sanity checks look at them."""
        return NetworkInside(self.model, self.device, self._with_model)

    @property
    def usual_objective(self) -> str:
        """The objective of a run that names none: "hide", or "map_erase" if only maps are drawn."""
        return usual_objective([self.config])

    @property
    def probing_objective(self) -> str | None:
        """The objective "det", which looks at every cell, or the first one with its heads."""
        heads = {"detection": self.model.center, "map": self.model.segmentation}
        present = {name for name, head in heads.items() if head is not None}
        fitting = [name for name, one in OBJECTIVES.items() if set(one.heads) <= present]
        return "det" if "det" in fitting else next(iter(fitting), None)

    def check_objective(self, wanted: str) -> None:
        """Raise CalicoError where the model lacks a head or class that the objective reads."""
        check_model(wanted, self.config)

    def choose_objective(self, wanted: str, frame: Frame) -> tuple[str, str]:
        """Choose the objective for one frame (see `WhiteBoxEngine.choose_objective`).

        Args:
            wanted: Name of the objective that the user asked for.
            frame: Clean frame with its ground truth.

        Returns:
            The objective's name and, where it is not the wanted one, the reason ("" otherwise).
        """
        return choose_objective(wanted, frame, self.config)

    def find_second_objective(self, objective: str) -> tuple[str, str] | None:
        """The training loss beside another objective on boxes, the whole map beside one on maps."""
        heads = OBJECTIVES[objective].heads
        if "detection" in heads:
            return ("det", "the training loss") if objective != "det" else None
        return ("seg", "the whole map") if "map" in heads and objective != "seg" else None

    def attack_mode(self) -> AbstractContextManager[None]:
        """Evaluation mode without parameter gradients (see `network.forward.white_box`)."""
        return white_box(self)

    def attack_loss(
        self,
        objective: str,
        clean: Batch,
        sensors: Sequence[str],
        crossing_m: float | None = None,
    ) -> NetworkLoss:
        """Make the function that an attack raises (see `WhiteBoxEngine.attack_loss`).

        Args:
            objective: Key of `OBJECTIVES`.
            clean: Clean batch with its ground truth.
            sensors: Attacked sensors.
            crossing_m: How far a point may go [m], for a gradient that sees points change their
                pillar, or None for the true gradient.

        Returns:
            The function, for batches of the same frames.
        """
        return NetworkLoss(self.model, objective, clean, sensors, crossing_m)

    def count_crossings(self, before: Float32, after: Float32) -> int:
        """Count points that changed their pillar.

        Args:
            before: (N, 5) points [m, LiDAR frame].
            after: (N, 5) the same points after the attack.

        Returns:
            The number of points.
        """
        rows, columns, inside = self.config.grid.pillars.locate_cells(before[:, :2])
        new_rows, new_columns, new_inside = self.config.grid.pillars.locate_cells(after[:, :2])
        other_cell = (rows != new_rows) | (columns != new_columns)
        return int(((inside != new_inside) | (other_cell & inside & new_inside)).sum())

    def find_known(self, frame: Frame) -> Bool:
        """Tell which objects (M,) are on the grid and of a class that the model knows."""
        *_, inside = self.config.grid.pillars.locate_cells(frame.boxes.boxes[:, :2])
        known = [self.model.taxonomy.names.index(name) for name in class_names(self.config)]
        result: Bool = inside & np.isin(frame.boxes.labels, known)
        return result

    def copy_double(self) -> TorchEngine:
        """Copy the engine with float64 weights."""
        return self._with_model(copy.deepcopy(self.model).double())

    def hash_now(self) -> str:
        """Compute `sha256` from the weights as they are at this moment."""
        return _hash(self.model, self.config)

    def _with_model(self, model: CalicoModel) -> TorchEngine:
        return TorchEngine(model, self.config, str(self.device), self.model_name)


def _hash(model: CalicoModel, config: Config) -> str:
    """Hash the weights and the part of the configuration between a frame and its predictions."""
    digest = hashlib.sha256()
    digest.update(config.grid.model_dump_json().encode())
    digest.update(config.model.model_dump_json().encode())
    taxonomy = config.taxonomy.model_dump_json()
    if config.taxonomy.build() != NUSCENES:  # whose hashes stay those of before other ones
        digest.update(taxonomy.encode())
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
