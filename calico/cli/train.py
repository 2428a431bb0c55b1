"""The command `calico train`."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

import click

from calico.cli.options import PATH, claim_output, overwrite_options, with_config
from calico.cli.progress import Progress
from calico.extras import require_extra

if TYPE_CHECKING:
    from calico.config.schema import Config
    from calico.data.source import FrameSource


@click.command("train")
@with_config
@click.option("--out", type=PATH, help="Folder of the run.  [default: runs/<name of the preset>]")
@click.option(
    "--init",
    help="Where fine-tuning starts: random, prc, calico (PRC, then RAD), scene_contrast, or a "
    "model file or run folder.  [default: the preset's; tiny: calico]",
)
@click.option(
    "--corruptions",
    multiple=True,
    help="Robust training: half of the fine-tuning frames get one of these corruptions or presets, "
    "separated by commas, e.g. calico; may be repeated.",
)
@click.option(
    "--adversarial",
    type=click.Choice(["pgd"]),
    help="Adversarial training: half of the fine-tuning frames are attacked "
    "(4/255, 0.1 m; 3 steps: about 4 times as slow).",
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
    Each stage has a folder of its own (OUT/prc, OUT/rad, OUT/finetune).
    A stage that is done is not run again.

    Examples:
      calico train --preset tiny --out runs/tiny
      calico train --preset tiny --labels 0.05 --out runs/few-labels
      calico train --preset tiny --init random --set model.lidar=null --out runs/tiny-camera
      calico train --preset tiny --stage prc --out runs/pretrained
      calico train --preset tiny --init runs/pretrained/prc --out runs/from-prc
      calico train --preset tiny --corruptions calico --out runs/tiny-robust
      calico train --init runs/tiny --adversarial pgd --set train.epochs=2 --out runs/adversarial
      calico train --preset nuscenes --data-root /data/nuscenes --device cuda --out runs/nuscenes
      calico train --preset tiny --out runs/tiny --resume
    """
    require_extra("calico train", "train")
    from calico.cli.training_parts import make_adversary, make_measures
    from calico.data.open import open_source
    from calico.device import pick_device
    from calico.files import file_name
    from calico.train.restart import stopped_early
    from calico.train.stages import check_plan, run_stages, stages_of

    config = _add_flags(config, init, corruptions, adversarial, labels)
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
    source, validation = (
        open_source(config, "train", Progress("indexing the tables")),
        open_source(config, "val", Progress("indexing the tables")),
    )
    pick_device(config.device)  # what can go wrong goes wrong before an old run is deleted
    _simulate(config, source, "training frames")
    _simulate(config, validation, "validation frames")
    check_plan(stages, config, source)
    resume = _prepare_output(config, folder, stage, resume=resume, overwrite=overwrite)
    if {"prc", "rad"} & set(stages):
        _find_regions(config, source)
    last = run_stages(
        config,
        source,
        folder,
        stages=stages,
        measures=make_measures(config, validation, folder),
        progress=Progress,
        say=functools.partial(click.echo, err=True),
        resume=resume,
        adversary=make_adversary(config),
    )
    click.echo(f"model: {(folder if stages[-1] == 'finetune' else last) / 'model.safetensors'}")


def _add_flags(
    config: Config,
    init: str | None,
    corruptions: tuple[str, ...],
    adversarial: str | None,
    labels: float | None,
) -> Config:
    """The configuration with the command's own options."""
    from calico.config.load import load_config
    from calico.train.stages import resolve_init

    names = [name.strip() for text in corruptions for name in text.split(",")] or None
    flags: dict[str, object] = {
        "train.init": init,
        "train.label_fraction": labels,
        "train.corruptions": names,
    }
    if adversarial and config.train.adversarial is None:
        flags["train.adversarial"] = {}
    return resolve_init(load_config(config, flags=flags))


def _workers(config: Config) -> int:
    """Processes for work that is done once before the first step."""
    return max(config.data.workers, 2)


def _simulate(config: Config, source: FrameSource, name: str) -> None:
    """Simulate the frames of a source that are not in the cache.

    Do nothing for other data sets.
    """
    prepare = getattr(source, "prepare", None)
    if prepare:
        prepare(workers=_workers(config), progress=Progress(f"simulating {name}"))


def _find_regions(config: Config, source: FrameSource) -> None:
    """Fill the cache of regions for all frames of a source."""
    from calico.regions import prepare_regions

    prepare_regions(
        source,
        config.pretrain.regions,
        range(len(source)),
        _workers(config),
        Progress("finding regions"),
    )


def _prepare_output(
    config: Config, folder: Path, stage: str | None, *, resume: bool, overwrite: bool
) -> bool:
    """Make the output folder of a run, or of one stage whose neighbours stay.

    Returns:
        Whether stages that are there are resumed.
    """
    from calico.files import prepare_folder
    from calico.train.stages import stage_before

    if stage and folder.is_dir():
        stage_before(stage, config, folder)
        prepare_folder(folder / stage, resume=resume, overwrite=overwrite, kind="train")
        return resume or not overwrite
    prepare_folder(folder, resume=resume, overwrite=overwrite, kind="train")
    return resume
