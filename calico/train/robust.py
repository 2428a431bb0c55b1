"""Which conditions robust training draws from (`train.corruptions`)."""

from __future__ import annotations

from collections.abc import Sequence

from calico.config.model import ModelConfig
from calico.config.schema import Config
from calico.data.applicable import describe_missing, look_at
from calico.data.source import FrameSource
from calico.errors import CalicoError
from corruptions import Spec, find_corruptions
from corruptions.preset import Level
from corruptions.presets import choose_levels


def training_conditions(
    config: Config, source: FrameSource
) -> tuple[tuple[Level, ...], tuple[str, ...]]:
    """The conditions that `train.corruptions` names, without those of presets that can do nothing; and a note for each of these.

    Nothing is done to a sensor that the model does not have, nor by a corruption for which the data
    lack something (beam numbers, older sweeps): frames would pass for corrupted that are clean. One
    that moves objects moves them in the LiDAR: for a model of cameras the labels would be wrong.
    Unlike in an evaluation, corruptions may have different levels.

    Raises:
        CalicoError: a corruption that was named itself can do nothing, or all of them.
    """
    names = config.train.corruptions
    conditions = dict.fromkeys(condition for name in names for condition in choose_levels([name]))
    if not conditions or not len(source):
        return (), ()
    frames = look_at(source, range(len(source)))
    reasons = {
        name: reason
        for name in dict.fromkeys(condition.name for condition in conditions)
        if (
            reason := _unseen(config.model, find_corruptions(name))
            or describe_missing(name, frames)
        )
    }
    for name in (part.strip() for text in names for part in text.split(",")):
        if name in reasons:
            raise CalicoError(
                f"train.corruptions: {name} can do nothing here: {reasons[name]}; leave it out"
            )
    kept = tuple(condition for condition in conditions if condition.name not in reasons)
    if not kept:
        raise CalicoError(
            f"train.corruptions: none of {', '.join(names)} can do anything here "
            f"({next(iter(reasons.values()))})"
        )
    return kept, tuple(f"{name} is not trained on: {reason}" for name, reason in reasons.items())


def _unseen(model: ModelConfig, specs: Sequence[Spec]) -> str:
    """Why the model's sensors have nothing to learn from one (or several joined by '+'), or empty."""
    has = {"camera": model.camera, "calibration": model.camera, "lidar": model.lidar}
    if not any(has.get(sensor) for spec in specs for sensor in spec.sensors):
        return "it changes no sensor that the model has"
    if model.lidar is None and any("labels" in spec.sensors for spec in specs):
        return "it moves objects in the LiDAR, which the model does not have"
    return ""
