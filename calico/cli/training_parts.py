"""The parts of the evaluation package that training uses: validation, diagnostics, adversary.

`calico` does not import `calico_eval`, except here and in the table of commands: the command line
is the place where the packages are put together.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from calico.config.schema import Config
from calico.data.source import FrameSource

if TYPE_CHECKING:
    from calico.models.calico import CalicoModel
    from calico.train.finetune import Adversary
    from calico.train.task import Measure


def make_adversary(config: Config) -> Adversary | None:
    """Return the attack that `train.adversarial` describes, or None."""
    if config.train.adversarial is None:
        return None
    from calico_eval.adversarial_training import pgd_adversary

    return pgd_adversary(config.train.adversarial)


def make_measures(config: Config, source: FrameSource, folder: Path) -> dict[str, Measure]:
    """Return what is measured while each stage trains, by the name of the stage.

    Args:
        config: Configuration of the run.
        source: Validation frames with labels.
        folder: Folder of the run. Pictures of regions go to the stages' folders in it.
    """
    from calico_eval import diagnosis

    def say(text: str) -> None:
        click.echo(text, err=True)

    measures = {"finetune": make_validation(source)}
    for stage, branch in diagnosis.BRANCHES.items():
        measures[stage] = diagnosis.diagnosis(
            source, branch, folder / stage / "regions.png", seed=config.seed, say=say
        )
    return measures


def make_validation(source: FrameSource) -> Measure:
    """Return a function that scores a model on a source and prints the scores.

    Args:
        source: Validation frames with labels.
    """
    from calico_eval.validation import validation_metrics

    def validate(model: CalicoModel, config: Config) -> dict[str, float | None]:
        metrics = validation_metrics(model, config, source)
        known = [f"{name} {value:.3f}" for name, value in metrics.items() if value is not None]
        click.echo("validation: " + "  ".join(known), err=True)
        return metrics

    return validate
