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
    """List the conditions that `train.corruptions` names and that have an effect here.

    A corruption of a preset is left out if it changes only sensors that the model lacks, or if the
    data lack something it needs (beam numbers, older sweeps): clean frames would pass for corrupted
    ones. A corruption that moves objects moves them in the LiDAR, so that the labels would be wrong
    for a model of cameras. Corruptions may have different levels, unlike in an evaluation.

    Args:
        config: Configuration of the run.
        source: Training frames.

    Returns:
        The conditions, and a note for each corruption that is left out.

    Raises:
        CalicoError: A corruption that was named itself has no effect, or none has one.
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
    """Say why a model's sensors can learn nothing from corruptions, or empty if they can."""
    has = {"camera": model.camera, "calibration": model.camera, "lidar": model.lidar}
    if not any(has.get(sensor) for spec in specs for sensor in spec.sensors):
        return "it changes no sensor that the model has"
    if model.lidar is None and any("labels" in spec.sensors for spec in specs):
        return "it moves objects in the LiDAR, which the model does not have"
    return ""
