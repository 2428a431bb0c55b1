"""The door for the users' own models: any Python object with `predict(frames)`. See docs/your_model.md."""

from __future__ import annotations

import hashlib
import importlib
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from calico.errors import CalicoError
from calico.frame import Boxes, Frame
from calico.predictions import Predictions
from calico.taxonomy import ATTRIBUTES, DETECTION_CLASSES

SENSORS = ("camera", "lidar")


class UserEngine:
    """Runs a user's object and checks everything that it returns.

    The model sees frames without ground truth and without `previous` (which would be the uncorrupted past), and gets arrays
    of its own: writing into them harms nothing.
    """

    name = "user"

    def __init__(self, model: Any, model_name: str, sensors: tuple[str, ...], sha256: str) -> None:
        self._model = model
        self.model_name = model_name
        self.sensors = sensors
        self.sha256 = sha256

    def predict(self, frames: Sequence[Frame]) -> list[Predictions]:
        """See `Engine.predict`.

        Raises:
            CalicoError: the model raised (its exception is the cause), or returned something else than one valid
                prediction per frame.
        """
        where = f"model {self.model_name}"
        tokens = ", ".join(frame.token for frame in frames)
        try:
            outputs = self._model.predict([_unlabelled(frame) for frame in frames])
        except Exception as error:
            raise CalicoError(f"{where}: predict raised {_told(error)} (frame {tokens})") from error
        if isinstance(outputs, (str, bytes, dict, Predictions)) or not hasattr(outputs, "__iter__"):
            raise CalicoError(
                f"{where}: predict returned {type(outputs).__name__} on frame {tokens}; "
                "expected a list with one mapping (boxes, scores, labels) per frame"
            )
        results = list(outputs)
        if len(results) != len(frames):
            raise CalicoError(f"{where}: predict returned {len(results)} results for {len(frames)} frames ({tokens})")
        return [
            _checked(output, f"{where}, frame {frame.token}") for frame, output in zip(frames, results, strict=True)
        ]


def load_user_engine(spec: str) -> UserEngine:
    """Calls the factory that `spec` names ('package.module:factory') and wraps what it returns.

    The module is looked up in the working folder, too. The object needs `predict(frames)`. It may have `name` (default: the
    module's), `sensors` (a sequence of 'camera', 'lidar'; default: both) and `sha256` (names its weights; default: the hash
    of the module's source file).

    Raises:
        CalicoError: there is no such module or factory, the factory raised, or its object is not a model.
    """
    module_name, _, factory_name = spec.partition(":")
    if not module_name or not factory_name.isidentifier():
        raise CalicoError(f"model '{spec}': expected package.module:factory, e.g. examples.user_model:build")
    factory = _factory(spec, module_name, factory_name)
    try:
        model = factory()
    except Exception as error:
        raise CalicoError(f"model {spec}: the factory raised {_told(error)}") from error
    if not callable(getattr(model, "predict", None)):
        raise CalicoError(
            f"model {spec}: the factory returned {type(model).__name__}, which has no method predict(frames)"
        )
    sensors = tuple(getattr(model, "sensors", SENSORS))
    if not sensors or not set(sensors) <= set(SENSORS):
        raise CalicoError(f"model {spec}: sensors is {sensors!r}; expected one or both of 'camera', 'lidar'")
    sha256 = str(getattr(model, "sha256", "")) or _source_hash(sys.modules[module_name])
    return UserEngine(model, str(getattr(model, "name", "") or module_name.rpartition(".")[2]), sensors, sha256)


def _factory(spec: str, module_name: str, factory_name: str) -> Any:
    """The callable that `spec` names."""
    if str(Path.cwd()) not in sys.path:
        sys.path.append(str(Path.cwd()))  # stays: the user's code may import more of its folder later
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{module_name}.".startswith(f"{error.name}."):
            raise CalicoError(
                f"model {spec}: there is no module {error.name}; it is looked up in the working folder ({Path.cwd()}) and "
                "where Python looks (PYTHONPATH)"
            ) from error
        raise CalicoError(f"model {spec}: importing {module_name} raised {_told(error)}") from error
    factory = getattr(module, factory_name, None)
    if not callable(factory):
        names = sorted(name for name, value in vars(module).items() if callable(value) and not name.startswith("_"))
        raise CalicoError(
            f"model {spec}: {module_name} has no callable '{factory_name}'; it has {', '.join(names) or 'none'}"
        )
    return factory


def _told(error: Exception) -> str:
    """An exception of the user's code in one line, with the line that raised it (none where Python could not read the code)."""
    told = f"{type(error).__name__}: {error}"
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [f for f in frames if not f.filename.startswith("<") and f.filename not in (__file__, importlib.__file__)]
    return f"{told} at {theirs[-1].filename}:{theirs[-1].lineno} in {theirs[-1].name}" if theirs else told


def _source_hash(module: ModuleType) -> str:
    source = getattr(module, "__file__", None)
    return hashlib.sha256(Path(source).read_bytes() if source else module.__name__.encode()).hexdigest()


def _unlabelled(frame: Frame) -> Frame:
    """The frame as a model may see it: copies of the arrays, no ground truth, no past."""
    return frame.replace(
        points=frame.points.copy(),
        ring=frame.ring.copy(),
        sweep_index=frame.sweep_index.copy(),
        sweep_T=frame.sweep_T.copy(),
        images=tuple(image.copy() for image in frame.images),
        camera_K=frame.camera_K.copy(),
        camera_T_lidar=frame.camera_T_lidar.copy(),
        camera_time_s=frame.camera_time_s.copy(),
        ego_T_lidar=frame.ego_T_lidar.copy(),
        global_T_lidar=frame.global_T_lidar.copy(),
        elongation=None if frame.elongation is None else frame.elongation.copy(),
        boxes=Boxes.empty(),
        map_masks=None,
        map_known=None,
        previous=None,
    )


def _checked(output: Any, where: str) -> Predictions:
    """The output as Predictions, with the ranges checked that `Predictions` itself leaves open."""
    try:
        result = Predictions.from_mapping(output, where)
    except CalicoError as error:
        raise error if str(error).startswith(where) else CalicoError(f"{where}: {error}") from error
    except (TypeError, ValueError) as error:
        raise CalicoError(f"{where}: boxes, scores and labels do not make arrays of numbers: {error}") from error
    if not np.isfinite(result.boxes).all() or not np.isfinite(result.scores).all():
        raise CalicoError(f"{where}: boxes or scores are not finite")
    if (result.scores < 0).any() or (result.scores > 1).any():
        raise CalicoError(f"{where}: scores from {result.scores.min():g} to {result.scores.max():g}; expected 0..1")
    classes = len(DETECTION_CLASSES)
    if (result.labels < 0).any() or (result.labels >= classes).any():
        raise CalicoError(
            f"{where}: labels up to {result.labels.max()}; expected 0..{classes - 1} ({', '.join(DETECTION_CLASSES)})"
        )
    if (result.boxes[:, 3:6] <= 0).any():
        raise CalicoError(f"{where}: a box has a size of 0 or less; expected length, width, height > 0 in columns 3..5")
    if result.attributes is not None and (
        result.attributes.shape != result.scores.shape
        or (result.attributes < -1).any()
        or (result.attributes >= len(ATTRIBUTES)).any()
    ):
        raise CalicoError(
            f"{where}: attributes {result.attributes.shape} must be (M,) indices -1..{len(ATTRIBUTES) - 1}"
        )
    probs = result.map_probs
    if probs is not None and not bool(((probs >= 0) & (probs <= 1)).all()):
        raise CalicoError(f"{where}: map_probs outside 0..1 or NaN")
    return result
