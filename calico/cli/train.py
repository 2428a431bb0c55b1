"""`calico train`."""

from __future__ import annotations

import functools
import importlib
from pathlib import Path
from typing import TYPE_CHECKING

import click

from calico.cli.options import PATH, claim_output, overwrite_options, with_config
from calico.cli.progress import Progress
from calico.extras import require_extra

if TYPE_CHECKING:
    from calico.config.schema import Config
    from calico.data.source import FrameSource
    from calico.models.calico import CalicoModel
    from calico.train.finetune import Adversary
    from calico.train.task import Measure


@click.command("train")
@with_config
@click.option("--out", type=PATH, help="Folder of the run.  [default: runs/<name of the preset>]")
@click.option(
    "--init",
    help="Where fine-tuning starts: random, prc, calico (PRC, then RAD), scene_contrast, or a model file or run folder."
    "  [default: the preset's; tiny: calico]",
)
@click.option(
    "--corruptions",
    multiple=True,
    help="Robust training: half of the fine-tuning frames get one of these corruptions or presets, separated by commas, e.g. "
    "calico; may be repeated.",
)
@click.option(
    "--adversarial",
    type=click.Choice(["pgd"]),
    help="Adversarial training: half of the fine-tuning frames are attacked (4/255, 0.1 m; 3 steps: about 4 times as slow).",
)
@click.option(
    "--labels", type=float, help="Share of the training frames whose labels are used, e.g. 0.05."
)
@click.option(
    "--stage",
    type=click.Choice(["prc", "rad", "finetune"]),
    help="Only this stage.  [default: all that --init needs]",
)
@overwrite_options
def command(
    config: Config,
    out: Path | None,
    init: str | None,
    corruptions: tuple[str, ...],
    adversarial: str | None,
    labels: float | None,
    stage: str | None,
    resume: bool,
    overwrite: bool,
) -> None:
    """Train a model: point-region contrast, distillation to the cameras, fine-tuning.

    \b
    Each stage has a folder of its own (OUT/prc, OUT/rad, OUT/finetune); a stage that is done is not run again.
    Examples:
      calico train --preset tiny --out runs/tiny
      calico train --preset tiny --labels 0.05 --out runs/few-labels
      calico train --preset tiny --init random --set model.lidar=null --out runs/tiny-camera
      calico train --preset tiny --stage prc --out runs/pretrained
      calico train --preset tiny --init runs/pretrained/prc --out runs/from-prc
      calico train --preset tiny --corruptions calico --out runs/tiny-robust
      calico train --preset tiny --init runs/tiny --adversarial pgd --set train.epochs=2 --out runs/tiny-adversarial
      calico train --preset nuscenes --data-root /data/nuscenes --device cuda --out runs/nuscenes
      calico train --preset tiny --out runs/tiny --resume
    """
    require_extra("calico train", "train")
    from calico.config.load import load_config
    from calico.data.open import open_source
    from calico.device import pick_device
    from calico.files import file_name, prepare_folder
    from calico.regions import prepare_regions
    from calico.train.restart import stopped_early
    from calico.train.stages import check_plan, resolve_init, run_stages, stage_before, stages_of

    names = [name.strip() for text in corruptions for name in text.split(",")] or None
    flags: dict[str, object] = {
        "train.init": init,
        "train.label_fraction": labels,
        "train.corruptions": names,
    }
    if adversarial and config.train.adversarial is None:
        flags["train.adversarial"] = {}
    config = resolve_init(load_config(config, flags=flags))
    stages = (stage,) if stage else stages_of(config)
    folder = out or Path("runs") / file_name(config.name)
    place = folder / stage if stage else folder
    if not (resume or overwrite) and stopped_early(place):
        click.echo(
            f"{place}: a training stopped here before its first checkpoint; it starts again",
            err=True,
        )
        overwrite = True
    claim_output(place, resume=resume, overwrite=overwrite, kind="train", lock=folder)
    source, validation = open_source(config, "train"), open_source(config, "val")
    pick_device(config.device)  # what can go wrong goes wrong before an old run is deleted
    workers = max(config.data.workers, 2)
    for name, frames in (("training frames", source), ("validation frames", validation)):
        prepare = getattr(frames, "prepare", None)
        if prepare:
            prepare(workers=workers, progress=Progress(f"simulating {name}"))
    check_plan(stages, config, source)
    if stage and folder.is_dir():  # the other stages stay
        stage_before(stage, config, folder)
        prepare_folder(folder / stage, resume=resume, overwrite=overwrite, kind="train")
        resume = resume or not overwrite
    else:
        prepare_folder(folder, resume=resume, overwrite=overwrite, kind="train")
    if {"prc", "rad"} & set(stages):
        prepare_regions(
            source,
            config.pretrain.regions,
            range(len(source)),
            workers,
            Progress("finding regions"),
        )
    say = functools.partial(click.echo, err=True)
    diagnosis = importlib.import_module("calico_eval.diagnosis").diagnosis
    measures = {"finetune": make_validate(validation)} | {
        name: diagnosis(
            validation, branch, folder / name / "regions.png", seed=config.seed, say=say
        )
        for name, branch in (("prc", "lidar"), ("rad", "camera"))
    }
    last = run_stages(
        config,
        source,
        folder,
        stages=stages,
        measures=measures,
        progress=Progress,
        say=say,
        resume=resume,
        adversary=make_adversary(config),
    )
    click.echo(f"model: {(folder if stages[-1] == 'finetune' else last) / 'model.safetensors'}")


def make_adversary(config: Config) -> Adversary | None:
    """The attack of `train.adversarial`, from the evaluation package (loaded by name: see the architecture)."""
    if config.train.adversarial is None:
        return None
    adversary: Adversary = importlib.import_module(
        "calico_eval.adversarial_training"
    ).pgd_adversary(config.train.adversarial)
    return adversary


def make_validate(source: FrameSource) -> Measure:
    """Scores a model in training with both metrics, by the evaluation package (loaded by name: see the architecture)."""
    evaluation = importlib.import_module("calico_eval.validation")

    def validate(model: CalicoModel, config: Config) -> dict[str, float | None]:
        metrics: dict[str, float | None] = evaluation.validation_metrics(model, config, source)
        click.echo(
            "validation: " + "  ".join(f"{k} {v:.3f}" for k, v in metrics.items() if v is not None),
            err=True,
        )
        return metrics

    return validate
