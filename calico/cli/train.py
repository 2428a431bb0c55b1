"""`calico train`."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from calico.cli.options import PATH, overwrite_options, with_config
from calico.cli.progress import Progress

if TYPE_CHECKING:
    from calico.config.schema import Config
    from calico.data.source import FrameSource
    from calico.models.calico import CalicoModel
    from calico.train.loop import Validate


@click.command("train")
@with_config
@click.option("--out", type=PATH, help="Folder of the run.  [default: runs/<name of the preset>]")
@click.option("--stage", type=click.Choice(["finetune"]), help="Training stage.  [default: finetune, supervised]")
@overwrite_options
def command(config: Config, out: Path | None, stage: str | None, resume: bool, overwrite: bool) -> None:
    """Train a model on the simulator or on a data set.

    \b
    Examples:
      calico train --preset tiny --out runs/tiny
      calico train --preset tiny --set model.lidar=null --out runs/tiny-camera
      calico train --preset nuscenes --data-root /data/nuscenes --device cuda --out runs/nuscenes
      calico train --preset tiny --out runs/tiny --resume
    """
    from calico.data.open import open_source
    from calico.device import pick_device
    from calico.files import prepare_folder
    from calico.models.calico import build_model
    from calico.train.loop import make_plan, train

    if stage:
        config = config.model_copy(update={"train": config.train.model_copy(update={"stage": stage})})
    folder = out or Path("runs") / config.name
    source, validation = open_source(config, "train"), open_source(config, "val")
    pick_device(config.device)  # what can go wrong goes wrong before an old run is deleted
    build_model(config, seed=0)
    for name, frames in (("training frames", source), ("validation frames", validation)):
        prepare = getattr(frames, "prepare", None)
        if prepare:
            prepare(workers=max(config.data.workers, 2), progress=Progress(f"simulating {name}"))
    make_plan(config, source)
    prepare_folder(folder, resume=resume, overwrite=overwrite, kind="train")
    train(config, source, folder, validate=make_validate(validation), progress=Progress("training"), resume=resume)
    click.echo(f"model: {folder / 'model.safetensors'}")


def make_validate(source: FrameSource) -> Validate:
    """Scores a model in training with both metrics, by the evaluation package (loaded by name: see the architecture)."""
    evaluation = importlib.import_module("calico_eval.validation")

    def validate(model: CalicoModel, config: Config) -> dict[str, float | None]:
        metrics: dict[str, float | None] = evaluation.validation_metrics(model, config, source)
        click.echo("validation: " + "  ".join(f"{k} {v:.3f}" for k, v in metrics.items() if v is not None), err=True)
        return metrics

    return validate
