"""The one thing that every engine is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from calico.config.schema import Config
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico.predictions import Predictions

MODEL_LOSS = "model_loss"
"""Name of the objective of a user's own model: the loss that the model computes itself."""


class Predictor(Protocol):
    """What turns frames into predictions."""

    def predict(self, frames: Sequence[Frame]) -> list[Predictions]:
        """One `Predictions` per frame, in order. The frames may come from different scenes."""
        ...


class Engine(Predictor, Protocol):
    """A model ready to run. Takes frames as a sensor rig delivers them (uint8 images, float32 points), whatever the inside."""

    @property
    def name(self) -> str:
        """The runtime and its device, e.g. 'torch-cpu', 'onnxruntime-cuda', 'user'."""
        ...

    @property
    def model_name(self) -> str:
        """What the model is called in reports."""
        ...

    @property
    def sensors(self) -> tuple[str, ...]:
        """What it looks at: 'camera', 'lidar' or both."""
        ...

    @property
    def sha256(self) -> str:
        """Changes whenever the weights or anything between a frame and its predictions does."""
        ...


def label(engine: Engine) -> str:
    """'<model>/<engine>', the name of an engine within a run."""
    return f"{engine.model_name}/{engine.name}"


def check_labels(engines: Sequence[Engine]) -> None:
    """Raises CalicoError when two engines have one label: their cells could not be told apart."""
    labels = [label(engine) for engine in engines]
    twice = sorted({name for name in labels if labels.count(name) > 1})
    if twice:
        raise CalicoError(
            f"two engines are both called {', '.join(twice)}; give one of the models another name (NAME=PATH)"
        )


def check_cameras(engines: Sequence[Engine], source: FrameSource) -> None:
    """Raises CalicoError where one of our models looks at cameras and the data have none, before a frame is loaded.

    Of users' models and prediction files the sensors are what they say, and they may do without.
    """
    for engine in engines:
        config = getattr(engine, "config", None)
        if isinstance(config, Config) and config.model.camera is not None and not source.cameras:
            raise CalicoError(
                f"model {engine.model_name} looks at cameras, but data {source.name} have none (data.cameras is empty); name "
                "the cameras that are there with --set data.cameras=[...], or use a model that was trained with "
                "model.camera=null"
            )
