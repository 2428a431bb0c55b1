"""Open users' models: a factory by its name, or an object.

The guide is docs/start/your_model.md.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

from calico.errors import CalicoError
from calico_eval.engines.foreign import ForeignError, call_foreign, one_line, refuse_silent_exit
from calico_eval.engines.sources import hash_sources
from calico_eval.engines.user import SENSORS, UserEngine


def load_user_engine(spec: str) -> UserEngine:
    """Call the factory that `spec` names and wrap the object that it returns.

    The module is looked up in the working folder, too. The object needs `predict(frames)`. It may
    have `name` (default: the module's), `sensors` (a sequence of 'camera', 'lidar'; default: both)
    and `sha256`, which names its weights.

    Args:
        spec: 'package.module:factory'.

    Returns:
        The engine.

    Raises:
        CalicoError: The module or factory does not exist, their code raised an error, or the object
            is no model.
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
        model: An object with `predict(frames)`. The attributes that it may have are those of
            `load_user_engine`.

    Returns:
        The engine. Without a `name` of its own it is called as the class of the object.

    Raises:
        CalicoError: The object is no model.
    """
    kind = type(model)
    if isinstance(model, type):
        raise CalicoError(
            f"the model is the class {model.__name__} itself; expected an object of it: "
            f"{model.__name__}(...)"
        )
    if not callable(getattr(model, "predict", None)):
        raise CalicoError(
            f"the model is an object of class {kind.__name__}, which has no method "
            "predict(frames); expected such an object, a path, or package.module:factory"
        )
    where = f"of class {kind.__name__}"
    engine = call_foreign(
        lambda: _wrap(model, where, kind.__module__), f"model {where}: reading its attributes"
    )
    if engine.model_name == kind.__module__.rpartition(".")[2]:
        engine.model_name = kind.__name__
    return engine


def _wrap(model: Any, spec: str, module_name: str) -> UserEngine:
    """Make the engine of a user's object. Each of its attributes is foreign code."""
    if not callable(getattr(model, "predict", None)):
        raise ForeignError(
            f"model {spec}: the factory returned {type(model).__name__}, which has no method "
            "predict(frames)"
        )
    sensors = getattr(model, "sensors", SENSORS)
    if (
        not isinstance(sensors, (tuple, list))
        or not sensors
        or any(sensor not in SENSORS for sensor in sensors)
    ):
        raise ForeignError(
            f"model {spec}: sensors is {one_line(sensors)}; expected a list of one or both of "
            "'camera', 'lidar'"
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
                f"model {spec}: {what} is {one_line(value)!r}; expected a text of at most 200 "
                "characters"
            )
    module = sys.modules.get(module_name)
    if module is None:
        raise ForeignError(
            f"model {spec}: its class belongs to module {module_name!r}, which is not imported; "
            "expected a class of a module or of the running script"
        )
    sha256 = hash_sources(module, stated or "")
    looks_at = tuple(dict.fromkeys(sensors))
    if not callable(getattr(model, "loss", None)):
        return UserEngine(model, name, looks_at, sha256, weights_named=stated is not None)
    # Torch, which few models need, is loaded here.
    from calico_eval.engines.user_white_box import UserWhiteBox

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
    """Find the callable that `spec` names."""
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
                f"model {spec}: there is no module {cause.name}; it is looked up in the working "
                f"folder ({Path.cwd()}) and "
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
            f"model {spec}: {module_name} has no callable '{factory_name}'; it has "
            f"{', '.join(names) or 'none'}"
        )
    return factory
