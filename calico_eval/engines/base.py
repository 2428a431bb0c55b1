"""Protocols that every engine implements, and checks of several engines together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from calico.config.schema import Config
from calico.data.source import FrameSource, check_classes
from calico.errors import CalicoError
from calico.frame import Frame
from calico.predictions import Predictions
from calico.taxonomy import Taxonomy

if TYPE_CHECKING:
    from torch import Tensor

    from calico.data.batch import Batch

MODEL_LOSS = "model_loss"
"""Name of the objective of a user's own model: the loss that the model computes itself."""


class Predictor(Protocol):
    """Turns frames into predictions."""

    def predict(self, frames: Sequence[Frame]) -> list[Predictions]:
        """Predict the frames, which may come from different scenes.

        Returns:
            One `Predictions` per frame, in order.
        """
        ...


class WhiteBox(Protocol):
    """A torch model of the user's own whose gradients attacks can follow.

    The object imports nothing of CALICO. `predict` is what `docs/start/your_model.md` asks of every
    model. `loss` gets a batch and returns one number per frame, larger where the model does worse.
    Attacks raise it by changing `batch.images` and `batch.points`, so it must be differentiable in
    both as far as the model looks at them. The batch holds:

    * `points` (B, N, 5) float: x, y, z [m, LiDAR frame], intensity 0..1, age of the sweep [s].
    * `point_mask` (B, N) bool, true where a slot holds a point.
    * `images` (B, V, 3, H, W) float: RGB in 0..1, in the size that the camera delivers. The model
      resizes and normalises inside `loss`, so that budgets are in grey levels of the camera.
    * `image_from_lidar` (B, V, 4, 4): takes (x, y, z, 1) to (u d, v d, d, 1) [px of those images].
    * `camera_K` (B, V, 3, 3) [px] and `camera_T_lidar` (B, V, 4, 4): the same, apart.
    * `boxes` B tensors (M, 9): the ground truth x, y, z, length, width, height [m], yaw [rad],
      vx, vy [m/s], of objects with LiDAR points.
    * `labels` B tensors (M,) int64: rows of the class list.
    * `map_masks` (B, K, Y, X) float or None: 1, 0, or -1 where the map is unknown.
    * `tokens` B names.
    * `image_sizes`: (height, width) of the views where sizes differ, else ().

    Floating-point tensors have one dtype: float32, and float64 where sanity check S8 compares
    gradients with finite differences. A loss that follows the dtype of its batch passes there.

    The object may also have:

    * `sensors`: some of "camera" and "lidar" (default: both).
    * `name`, `sha256`: name in reports, and of its weights (default: a hash of its torch modules).
    * `device`: where batches are put (default: "cpu").
    * `weighs_points = True`: `loss` multiplies what it makes of each point by `point_mask`, which
      may then come as float weights. The attacks `drop`, `inject` and `attach` read from it what
      single points are worth. Without it they estimate that from the gradient of positions.

    The model stays in the mode that it is in: put it into evaluation mode yourself.
    """

    def predict(self, frames: Sequence[Frame]) -> Sequence[object]:
        """Answer one mapping (boxes, scores, labels) per frame."""
        ...

    def loss(self, batch: Batch) -> Tensor:
        """Compute (B,) numbers, larger where the model does worse."""
        ...


class Engine(Predictor, Protocol):
    """A model ready to run.

    It takes frames as a sensor rig delivers them: uint8 images and float32 points.
    """

    @property
    def name(self) -> str:
        """The runtime and its device, e.g. 'torch-cpu', 'onnxruntime-cuda', 'user'."""
        ...

    @property
    def model_name(self) -> str:
        """Name of the model in reports."""
        ...

    @property
    def sensors(self) -> tuple[str, ...]:
        """Sensors that the model looks at: 'camera', 'lidar' or both."""
        ...

    @property
    def sha256(self) -> str:
        """Digest that changes with the weights and with all else that decides the predictions."""
        ...


def label(engine: Engine) -> str:
    """Name an engine within a run: '<model>/<engine>'."""
    return f"{engine.model_name}/{engine.name}"


def check_labels(engines: Sequence[Engine]) -> None:
    """Raise CalicoError where two engines share a label, as their results would be mixed up."""
    labels = [label(engine) for engine in engines]
    twice = sorted({name for name in labels if labels.count(name) > 1})
    if twice:
        raise CalicoError(
            f"two engines are both called {', '.join(twice)}; give one of the models another name "
            "(NAME=PATH)"
        )


def check_taxonomy(engines: Sequence[Engine], source: FrameSource) -> None:
    """Check that our models know the classes of the data, before a frame is loaded.

    Models of users and prediction files answer in the classes of the frames.

    Args:
        engines: Engines of any kind.
        source: The data.

    Raises:
        CalicoError: A model was trained with other classes, or other map classes.
    """
    for engine in engines:
        _check_known(engine, source.taxonomy, source.name)


def check_frame_taxonomy(engine: Engine, frames: Sequence[Frame]) -> None:
    """Check that one of our models knows the classes of some frames.

    Args:
        engine: Engine of any kind.
        frames: The frames.

    Raises:
        CalicoError: The model was trained with other classes, or other map classes.
    """
    for frame in frames:
        _check_known(engine, frame.taxonomy, f"of frame {frame.token}")


def _check_known(engine: Engine, taxonomy: Taxonomy, data: str) -> None:
    config = getattr(engine, "config", None)
    if isinstance(config, Config):
        check_classes(config, taxonomy, data, f"model {engine.model_name}")


def check_cameras(engines: Sequence[Engine], source: FrameSource) -> None:
    """Check that the data have cameras if one of our models looks at them.

    The check comes before a frame is loaded. Users' models and prediction files state their sensors
    themselves and may do without.

    Args:
        engines: Engines of any kind.
        source: The data.

    Raises:
        CalicoError: One of our models looks at cameras and the data have none.
    """
    for engine in engines:
        config = getattr(engine, "config", None)
        if isinstance(config, Config) and config.model.camera is not None and not source.cameras:
            raise CalicoError(
                f"model {engine.model_name} looks at cameras, but data {source.name} have none "
                "(data.cameras is empty); name "
                "the cameras that are there with --set data.cameras=[...], or use a model that was "
                "trained with model.camera=null"
            )
