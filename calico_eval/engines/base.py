"""The one thing that every engine is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from calico.errors import CalicoError
from calico.frame import Frame
from calico.predictions import Predictions


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
