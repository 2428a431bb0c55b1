"""Evaluate and attack models from Python: the functions behind `from calico import ...`.

A model is one of: a path (a run folder, a .safetensors checkpoint or a .onnx file),
"package.module:factory", an engine that `load_model` gave, or any object with `predict(frames)`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calico.config.schema import Config
from calico.errors import CalicoError
from calico.extras import require_extra
from calico.frame import Frame
from calico_eval.engines.base import Engine
from corruptions.errors import CorruptionError
from corruptions.rng import as_seed

if TYPE_CHECKING:
    from calico.data.source import FrameSource
    from calico_eval.attacks.budget.threat import Threat
    from calico_eval.attacks.catalogue import Algorithm
    from calico_eval.attacks.details import AttackDetails
    from calico_eval.attacks.run import AttackedFrame
    from calico_eval.metrics.scores import Scores

ENGINE_FIELDS = ("name", "model_name", "sensors", "sha256", "predict")
BATCH_SIZE = 4


def load_model(model: str | Path | Any, device: str = "auto") -> Engine:
    """Open a model.

    Args:
        model: A path, "package.module:factory", or an object with `predict(frames)`. An engine is
            returned as it is.
        device: "auto" (a GPU where there is one), "cpu" or "cuda". An object chooses for itself.

    Returns:
        The engine: `predict(frames)` gives boxes, scores, labels and the map of every frame.

    Raises:
        CalicoError: There is no model of this form, or its file is damaged.
    """
    if isinstance(model, (str, Path)):
        from calico_eval.engines.open import open_engine

        return open_engine(str(model), device)
    if all(hasattr(model, name) for name in ENGINE_FIELDS) and hasattr(type(model), "predict"):
        engine: Engine = model
        return engine
    from calico_eval.engines.load_user import wrap_user_model

    return wrap_user_model(model)


def evaluate(
    model: str | Path | Any,
    data: FrameSource,
    *,
    corruption: str | None = None,
    severity: int = 3,
    seed: int = 0,
    frames: Sequence[int] | None = None,
    ranges: Mapping[str, float] | None = None,
    device: str = "auto",
) -> Scores:
    """Measure a model on data: nuScenes detection and BEV map, with confidence intervals.

    The figures are those of `calico eval`, and those of `calico robust` under a corruption.

    Args:
        model: A path, "package.module:factory", an engine, or an object with `predict(frames)`.
        data: What `open_data` gave.
        corruption: Name of a corruption that is applied to every frame. Default: clean frames.
        severity: Severity of the corruption, 1 to 5.
        seed: Seed of the corruption.
        frames: Indices of the frames of `data`. Default: all.
        ranges: Class name to range [m] within which objects are scored. Default: the ranges of the
            model's configuration, or those of the data's taxonomy for a model without one.
        device: Where a model from a path runs.

    Returns:
        The figures by name; `scores["mAP"]`, `scores.interval("mAP")`.

    Raises:
        CalicoError: There is no such model, there are no frames, or the model's answers cannot be
            scored. The message names model and frame.
        CorruptionError: The name of the corruption or its severity is unknown.
    """
    from calico_eval.evaluate import evaluate_engine as run_evaluation
    from calico_eval.metrics.scores import Scores
    from calico_eval.metrics.summary import compute_metrics
    from calico_eval.validation import eval_ranges
    from corruptions import corrupt, find_corruptions

    _check_data(data, frames)
    seed = _check_seed(seed)
    engine = load_model(model, device)
    config = getattr(engine, "config", None)
    if ranges is None:
        ranges = eval_ranges(config) if isinstance(config, Config) else data.taxonomy.ranges()
    if isinstance(config, Config):
        _check_map_grid(engine, config, data)
    if corruption is not None:
        find_corruptions(corruption)
    stats = run_evaluation(
        engine,
        data,
        ranges=ranges,
        batch_size=config.eval.batch_size if isinstance(config, Config) else BATCH_SIZE,
        indices=frames,
        transform=None
        if corruption is None
        else lambda frame: corrupt(frame, corruption, severity, seed),
    )
    return Scores(compute_metrics(stats))


def _check_data(data: FrameSource, frames: Sequence[int] | None) -> None:
    """Check that data are a source of frames, and that indices are those of its frames."""
    if not all(hasattr(data, one) for one in ("taxonomy", "map_grid", "info", "__len__")):
        raise CalicoError(
            f"data {data!r:.60}: got {type(data).__name__}, expected a source of frames; "
            "open_data(...) gives one"
        )
    wrong = [
        one
        for one in (() if frames is None else frames)
        if not isinstance(one, Integral) or not 0 <= one < len(data)
    ]
    if wrong:
        raise CalicoError(
            f"frames: got {wrong[0]!r:.60}, expected whole numbers from 0 to {len(data) - 1}"
        )


def _check_map_grid(engine: Engine, config: Config, data: FrameSource) -> None:
    """Refuse data whose map cannot be compared with that of the model, before a frame is loaded."""
    theirs, mine = data.map_grid, config.grid.map
    if config.model.map is not None and theirs is not None and theirs != mine:
        raise CalicoError(
            f"data {data.name} have a map on {theirs}, and model {engine.model_name} draws one on "
            f"{mine}; open the data with the model's grid: open_data(..., config=model.config)"
        )


def attack(
    model: str | Path | Any,
    frames: Frame | Sequence[Frame],
    name: str,
    threat: Threat,
    *,
    steps: int | None = None,
    objective: str | None = None,
    seed: int = 0,
    device: str = "auto",
) -> list[AttackedFrame]:
    """Attack frames within a budget. The change of every frame is measured and checked.

    Args:
        model: A path, "package.module:factory", an engine, or an object with `predict(frames)`.
            Attacks that follow gradients need a checkpoint, or an object that also has
            `loss(batch)` (docs/start/your_model.md).
        frames: Frames with ground truth, e.g. of `open_data`.
        name: Name of an attack, e.g. "pgd". docs/reference/attacks.md lists them.
        threat: What may change, and how far, e.g. `Threat(camera_levels=4)` for 4/255.
        steps: Gradient steps, or queries of an attack by queries. Default: the attack's own.
        objective: What the attack maximises, e.g. "hide" (the scores of true objects fall).
            Default: the model's usual one, which is the loss of an object with `loss(batch)`.
        seed: Seed of random starts and noise.
        device: Where a model from a path runs.

    Returns:
        One result per frame: `.frame` is the attacked frame, `.used` the budget that it used,
        `.loss_clean` and `.loss_attacked` the objective before and after.

    Raises:
        CalicoError: The attack is unknown, the threat is none that it uses, the model has no
            `loss` and the attack needs one, a frame is over budget, or the extra `train` is not
            installed.

    Warns:
        UserWarning: A gradient was zero everywhere, or not finite.
    """
    require_extra("an attack", "train")
    from calico_eval.attacks.run import attack_frames
    from calico_eval.attacks.spec import AttackSpec
    from calico_eval.engines.white_box import as_white_box

    batch = [frames] if isinstance(frames, Frame) else list(frames)
    algorithm = _choose_attack(name, batch, threat, steps)
    seed = _check_seed(seed)
    engine = load_model(model, device)
    if objective is None:
        followed = as_white_box(engine)
        usual = "hide" if followed is None else followed.usual_objective
        objective = algorithm.adapt_objective(usual)
    spec = AttackSpec(
        name, threat, objective=objective, steps=algorithm.steps if steps is None else steps
    )
    results = attack_frames(engine, batch, spec, seed)
    for frame, result in zip(batch, results, strict=True):
        _warn_of_gradients(frame, result.details, f"attack {name}")
    return results


def _choose_attack(name: str, frames: Sequence[object], threat: object, steps: object) -> Algorithm:
    """Find an attack by its name, and check the types of what it is given."""
    from calico_eval.attacks.budget.threat import Threat
    from calico_eval.attacks.catalogue import ALGORITHMS
    from calico_eval.attacks.spec import check_choice

    for what, got, kind, expected in (
        *(("frame", one, Frame, "a Frame") for one in frames),
        ("threat", threat, Threat, "a Threat"),
        ("steps", 1 if steps is None else steps, Integral, "a whole number"),
    ):
        if not isinstance(got, kind):
            raise CalicoError(
                f"attack {name}: {what} is {got!r:.60}, a {type(got).__name__}; expected {expected}"
            )
    check_choice("attack", name, ALGORITHMS)
    algorithm = ALGORITHMS[name]
    if algorithm.fit is not None:
        raise CalicoError(
            f"attack {name}: it is learnt on frames of other scenes first; run it with "
            "calico robust, or see calico_eval.attacks.attack_frames"
        )
    return algorithm


def _check_seed(seed: object) -> int:
    """Check a seed as `corrupt` does, with the error of this package."""
    try:
        return as_seed(seed)
    except CorruptionError as error:
        raise CalicoError(str(error)) from None


def _warn_of_gradients(frame: Frame, details: AttackDetails, attack: str) -> None:
    """Warn of gradients that are not finite, or zero everywhere without the objective rising.

    A gradient of zero after the objective rose is no fault: "hide" has none left once every object
    is hidden.
    """
    clean, attacked = details.loss_clean, details.loss_attacked
    rose = clean is not None and attacked is not None and attacked > clean
    if details.bad_gradients or (details.dead_gradient and not rose):
        what = (
            f"{details.bad_gradients} entries that are NaN or infinite"
            if details.bad_gradients
            else "no gradient other than zero"
        )
        warnings.warn(
            f"{attack}, frame {frame.token}: the objective has {what}, so the result says nothing "
            "about robustness; is the loss detached, constant or not finite?",
            stacklevel=3,
        )
