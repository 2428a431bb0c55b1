"""The door for the users' own models: any Python object with `predict(frames)`. See docs/start/your_model.md."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from calico.errors import CalicoError
from calico.frame import Boxes, Frame
from calico.predictions import Predictions
from calico_eval.engines.answers import AnswerCheck
from calico_eval.engines.foreign import ForeignError, call_foreign, one_line, refuse_silent_exit
from calico_eval.engines.sources import hash_sources

SENSORS = ("camera", "lidar")


class UserEngine:
    """Runs a user's object and checks everything that it returns.

    The model sees frames without ground truth and without `previous` (which would be the uncorrupted past), and gets arrays
    of its own: writing into them harms nothing.

    weights_named: whether the model names its weights (`sha256`), so that new ones are told from old ones.
    """

    name = "user"

    def __init__(
        self,
        model: Any,
        model_name: str,
        sensors: tuple[str, ...],
        sha256: str,
        *,
        weights_named: bool = True,
    ) -> None:
        self._model = model
        self.model_name = model_name
        self.sensors = sensors
        self.sha256 = sha256
        self.weights_named = weights_named
        self._answers = AnswerCheck()

    def predict(self, frames: Sequence[Frame]) -> list[Predictions]:
        """See `Engine.predict`.

        Raises:
            CalicoError: the model raised (its exception is the cause), or returned something else than one valid
                prediction per frame. Of an iterator no more is read than one answer too many.
        """
        where = f"model {self.model_name}"
        tokens = ", ".join(frame.token for frame in frames)
        found = call_foreign(
            lambda: self._ask(frames, where, tokens), f"{where}, frame {tokens}: predict"
        )
        return self._answers.check(frames, found, where)

    def _ask(self, frames: Sequence[Frame], where: str, tokens: str) -> list[Predictions]:
        """The answers, read one by one into arrays of our own."""
        outputs = self._model.predict([_unlabelled(frame) for frame in frames])
        if isinstance(outputs, (str, bytes, dict, Predictions)) or not hasattr(outputs, "__iter__"):
            raise ForeignError(
                f"{where}, frame {tokens}: predict returned {type(outputs).__name__}; "
                "expected a list with one mapping (boxes, scores, labels) per frame"
            )
        found: list[Predictions] = []
        for output in outputs:
            if len(found) == len(frames):
                raise ForeignError(
                    f"{where}, frame {tokens}: predict returned more results than frames ({len(frames)})"
                )
            found.append(_read(output, f"{where}, frame {frames[len(found)].token}"))
        if len(found) < len(frames):
            raise ForeignError(
                f"{where}, frame {tokens}: predict returned {len(found)} results for {len(frames)} frames"
            )
        return found


def _read(output: Any, where: str) -> Predictions:
    try:
        return Predictions.from_mapping(output, where)
    except CalicoError as error:
        raise ForeignError(str(error)) from None


def load_user_engine(spec: str) -> UserEngine:
    """Calls the factory that `spec` names ('package.module:factory') and wraps what it returns.

    The module is looked up in the working folder, too. The object needs `predict(frames)`. It may have `name` (default: the
    module's), `sensors` (a sequence of 'camera', 'lidar'; default: both) and `sha256` (names its weights).

    Raises:
        CalicoError: there is no such module or factory, their code raised, or its object is not a model.
    """
    module_name, _, factory_name = spec.partition(":")
    if not module_name or not factory_name.isidentifier():
        raise CalicoError(
            f"model '{spec}': expected package.module:factory, e.g. examples.user_model:build"
        )
    refuse_silent_exit()
    factory = _factory(spec, module_name, factory_name)
    model = call_foreign(factory, f"model {spec}: the factory")
    return call_foreign(
        lambda: _wrap(model, spec, module_name), f"model {spec}: reading its attributes"
    )


def wrap_user_model(model: Any) -> UserEngine:
    """Make an engine of a user's object.

    Args:
        model: An object with `predict(frames)`; the attributes that it may have are those of
            `load_user_engine`.

    Returns:
        The engine. Without a `name` of its own it is called as the class of the object.

    Raises:
        CalicoError: The object is no model.
    """
    kind = type(model)
    if not callable(getattr(model, "predict", None)):
        raise CalicoError(
            f"the model is an object of class {kind.__name__}, which has no method predict(frames); "
            "expected such an object, a path, or package.module:factory"
        )
    where = f"of class {kind.__name__}"
    engine = call_foreign(
        lambda: _wrap(model, where, kind.__module__), f"model {where}: reading its attributes"
    )
    if engine.model_name == kind.__module__.rpartition(".")[2]:
        engine.model_name = kind.__name__
    return engine


def _wrap(model: Any, spec: str, module_name: str) -> UserEngine:
    """The engine of a user's object; every attribute of it is foreign code."""
    if not callable(getattr(model, "predict", None)):
        raise ForeignError(
            f"model {spec}: the factory returned {type(model).__name__}, which has no method predict(frames)"
        )
    sensors = getattr(model, "sensors", SENSORS)
    if (
        not isinstance(sensors, (tuple, list))
        or not sensors
        or any(sensor not in SENSORS for sensor in sensors)
    ):
        raise ForeignError(
            f"model {spec}: sensors is {one_line(sensors)}; expected a list of one or both of 'camera', 'lidar'"
        )
    name, stated = (
        getattr(model, "name", None) or module_name.rpartition(".")[2],
        getattr(model, "sha256", None),
    )
    for what, value in (("name", name), ("sha256", stated)):
        if value is not None and not (
            isinstance(value, str) and value and value.isprintable() and len(value) <= 200
        ):
            raise ForeignError(
                f"model {spec}: {what} is {one_line(value)!r}; expected a text of at most 200 characters"
            )
    sha256 = hash_sources(sys.modules[module_name], stated or "")
    looks_at = tuple(dict.fromkeys(sensors))
    if not callable(getattr(model, "loss", None)):
        return UserEngine(model, name, looks_at, sha256, weights_named=stated is not None)
    from calico_eval.engines.user_white_box import (
        UserWhiteBox,  # loads torch, which few models need
    )

    return UserWhiteBox(
        model,
        name,
        looks_at,
        sha256,
        weights_named=stated is not None,
        device=str(getattr(model, "device", None) or "cpu"),
        weighs_points=bool(getattr(model, "weighs_points", False)),
    )


def _factory(spec: str, module_name: str, factory_name: str) -> Any:
    """The callable that `spec` names."""
    if str(Path.cwd()) not in sys.path:
        sys.path.append(
            str(Path.cwd())
        )  # stays: the user's code may import more of its folder later
    try:
        module = call_foreign(
            lambda: importlib.import_module(module_name), f"model {spec}: importing {module_name}"
        )
    except ForeignError as error:
        cause = error.__cause__
        if (
            isinstance(cause, ModuleNotFoundError)
            and cause.name
            and f"{module_name}.".startswith(f"{cause.name}.")
        ):
            raise CalicoError(
                f"model {spec}: there is no module {cause.name}; it is looked up in the working folder ({Path.cwd()}) and "
                "where Python looks (PYTHONPATH)"
            ) from cause
        raise
    factory = getattr(module, factory_name, None)
    if not callable(factory):
        names = sorted(
            name
            for name, value in vars(module).items()
            if callable(value) and not name.startswith("_")
        )
        raise CalicoError(
            f"model {spec}: {module_name} has no callable '{factory_name}'; it has {', '.join(names) or 'none'}"
        )
    return factory


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
