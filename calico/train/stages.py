"""From a configuration to a trained model: PRC, RAD, fine-tuning, each in a folder of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from calico.config.saved import write_run_config
from calico.config.schema import Config, EvalConfig
from calico.config.training import AugmentConfig, RadConfig, TrainConfig
from calico.data.batch import Batch
from calico.data.source import FrameSource
from calico.device import pick_device
from calico.errors import CalicoError
from calico.files import RUN_FILE, read_bytes, write_atomic
from calico.models.calico import CalicoModel, build_model
from calico.regions import cached_regions
from calico.seeds import derive_seed
from calico.train.checkpoint import MAX_BYTES, MODEL_FILE, load_init
from calico.train.done import DONE_FILE, check_done
from calico.train.finetune import Adversary, Finetune
from calico.train.log import check_same
from calico.train.loop import Progress, train_task
from calico.train.prc import Prc, load_projector
from calico.train.rad import Rad
from calico.train.task import Measure, Plan

PRETRAINING: dict[str, tuple[str, ...]] = {
    "random": (),
    "prc": ("prc",),
    "scene_contrast": ("prc",),
    "calico": ("prc", "rad"),
}
"""What comes before fine-tuning, by `train.init`; any other value is a file."""
UNREAD = {"train": TrainConfig(), "eval": EvalConfig(), "augment": AugmentConfig()}
"""Sections that pre-training does not read."""


def stages_of(config: Config) -> tuple[str, ...]:
    """List the stages of a run in order.

    `scene_contrast` is the stage prc with the loss scene (see `resolve_init`).
    """
    return (*PRETRAINING.get(config.train.init, ()), "finetune")


def resolve_init(config: Config) -> Config:
    """Apply the settings that an initialisation implies.

    Args:
        config: Configuration of the run.

    Raises:
        CalicoError: `train.init` is neither a known name nor a file, or needs a sensor that the
            model lacks.
    """
    init, model = config.train.init, config.model
    if init not in PRETRAINING and not Path(init).exists():
        raise CalicoError(
            f"train.init: {init!r} is no file; expected one of {', '.join(PRETRAINING)}, a model "
            f"file or a run folder"
        )
    if (init in PRETRAINING and init != "random" and model.lidar is None) or (
        init == "calico" and model.camera is None
    ):
        lacking, instead = (
            ("lidar", "random, or a run with both sensors")
            if model.lidar is None
            else ("camera", "prc")
        )
        raise CalicoError(
            f"train.init: {init} needs model.{lacking}, which is null; use --init {instead}"
        )
    if init == "scene_contrast":
        return _with_loss(config, "scene")
    return config


def _with_loss(config: Config, loss: str) -> Config:
    prc = config.pretrain.prc.model_copy(update={"loss": loss})
    return config.model_copy(update={"pretrain": config.pretrain.model_copy(update={"prc": prc})})


def run_stages(
    config: Config,
    source: FrameSource,
    out: Path,
    *,
    stages: tuple[str, ...],
    measures: Mapping[str, Measure],
    progress: Callable[[str], Progress],
    say: Callable[[str], None],
    resume: bool,
    adversary: Adversary | None = None,
) -> Path:
    """Run stages one after the other.

    A stage that is done is not run again.

    Args:
        config: Configuration after `resolve_init`.
        source: Training frames.
        out: Folder of the run, made by `files.prepare_folder`. Each stage gets a folder in it.
        stages: Some of `stages_of`. A stage that needs an earlier one finds it in `out`.
        measures: Per stage, validation or diagnostics. They may read labels and are never fed back.
        progress: Gives a stage its progress bar.
        say: Prints a message.
        resume: Continue in stage folders that exist.
        adversary: Attacks batches of fine-tuning (see `Finetune`).

    Returns:
        The folder of the last stage. After fine-tuning its model is also `out`/model.safetensors.
    """
    for stage in stages if resume else ():
        check_same(stage_config(stage, config), out / stage)
    write_atomic(
        out / RUN_FILE, json.dumps({"kind": "train", "stages": list(stages)}, indent=1) + "\n"
    )
    if "finetune" in stages:  # what is said of out/model.safetensors
        write_run_config(out, config)
    for stage in stages:
        before = stage_before(stage, config, out)
        run_stage(
            stage,
            config,
            source,
            out / stage,
            before,
            measures[stage],
            progress(stage),
            say=say,
            resume=resume,
            adversary=adversary,
        )
    if stages[-1] == "finetune":
        check_done(out / "finetune", "finetune")  # a good model is not replaced by a damaged one
        write_atomic(
            out / MODEL_FILE, read_bytes(out / "finetune" / MODEL_FILE, MAX_BYTES, "model file")
        )
    return out / stages[-1]


def run_stage(
    stage: str,
    config: Config,
    source: FrameSource,
    folder: Path,
    before: Path | None,
    measure: Measure,
    progress: Progress,
    *,
    say: Callable[[str], None],
    resume: bool,
    adversary: Adversary | None = None,
) -> None:
    """Run one stage in its own folder.

    Args:
        stage: Name of the stage.
        config: Configuration of the run.
        source: Training frames.
        folder: Folder of the stage.
        before: Model file or folder whose weights the stage starts from (for rad: the folder of
            PRC), or None for random weights.
        measure: Validation or diagnostics.
        progress: Called after every step.
        say: Prints a message.
        resume: Continue from the stage's last checkpoint.
        adversary: Attacks batches of fine-tuning (see `Finetune`).
    """
    folder.mkdir(parents=True, exist_ok=True)
    task = make_task(stage, config, source, before, measure, say, adversary)
    if isinstance(task, Finetune):  # the two branches read different kinds of batches
        train_task(task, source, folder, progress=progress, resume=resume)
    else:
        train_task(task, source, folder, progress=progress, resume=resume)


def make_task(
    stage: str,
    config: Config,
    source: FrameSource,
    before: Path | None,
    measure: Measure,
    say: Callable[[str], None],
    adversary: Adversary | None = None,
) -> Finetune | Prc | Rad:
    """Make a stage with the weights that it starts from.

    Args:
        stage: Name of the stage.
        config: Configuration of the run.
        source: Training frames.
        before: Model file or folder whose weights the stage starts from, or None for random
            weights.
        measure: Validation or diagnostics.
        say: Prints a message.
        adversary: Attacks batches of fine-tuning (see `Finetune`).

    Raises:
        CalicoError: The stage rad has no folder of PRC, or the frames do not suit the stage.
    """
    config = stage_config(stage, config)
    model = build_model(config, seed=derive_seed(config.seed, "weights"))
    if before is not None:
        taken, own = load_init(model, before)
        say(f"{stage}: starts from {before} ({taken} of {own} weights)")
    model.to(pick_device(config.device))
    if stage != "finetune":
        _check_regions(config, source)
    if stage == "prc":
        return Prc(config, source, model, measure)
    if stage == "rad":
        if before is None:
            raise CalicoError("stage rad: needs the folder of the stage prc, its teacher")
        return Rad(config, source, model, load_projector(config, before), measure)
    task = Finetune(config, source, model, measure, adversary)
    for note in task.notes:
        say(f"finetune: {note}")
    return task


def _check_regions(config: Config, source: FrameSource) -> None:
    """Raise CalicoError if none of the first frames has a region."""
    looked = range(min(len(source), 50))
    if looked and not any(
        (cached_regions(source[index], config.pretrain.regions) >= 0).any() for index in looked
    ):
        raise CalicoError(
            f"data {source.name}: no region in the first {len(looked)} frames; loosen "
            f"pretrain.regions.* "
            "(calico data regions shows what is found)"
        )


def stage_config(stage: str, config: Config) -> Config:
    """Reset what a stage does not read to defaults.

    Its results therefore serve every run that agrees in the rest.

    Args:
        stage: Name of the stage.
        config: Configuration of the run.
    """
    if stage == "finetune":
        return config
    changes: dict[str, object] = dict(UNREAD)
    if stage == "prc":
        changes["pretrain"] = config.pretrain.model_copy(update={"rad": RadConfig()})
    return config.model_copy(update=changes)


def stage_before(stage: str, config: Config, out: Path) -> Path | None:
    """Find what a stage starts from.

    Args:
        stage: Name of the stage.
        config: Configuration of the run.
        out: Folder of the run.

    Returns:
        The folder of the stage before, the file that `train.init` names, or None.

    Raises:
        CalicoError: The stage before is missing, unfinished, damaged, or was run with other
            settings.
    """
    if stage == "prc" or (stage == "finetune" and config.train.init == "random"):
        return None
    if stage == "finetune" and config.train.init not in PRETRAINING:
        return Path(config.train.init)
    name = "prc" if stage == "rad" else PRETRAINING[config.train.init][-1]
    if not (out / name / DONE_FILE).is_file():
        state = "stopped before its end" if (out / name).is_dir() else "has not been run"
        raise CalicoError(
            f"stage {stage}: the stage {name} {state} in {out}; run it first: --stage {name} "
            f"--resume"
        )
    check_same(stage_config(name, config), out / name)
    check_done(out / name, name)
    return out / name


def check_plan(stages: tuple[str, ...], config: Config, source: FrameSource) -> None:
    """Raise CalicoError for what will certainly fail, before anything is written.

    Args:
        stages: Stages that will be run.
        config: Configuration of the run.
        source: Training frames.
    """
    _check_sensors(stages, config, source)
    model = build_model(config, seed=0)
    if "finetune" in stages:
        Plan.from_task(Finetune(config, source, model, _unmeasured, _untouched))


def _check_sensors(stages: tuple[str, ...], config: Config, source: FrameSource) -> None:
    if config.model.camera is not None and not source.cameras:
        raise CalicoError(
            f"data {source.name}: has no cameras, but the model has a camera branch; set "
            f"model.camera to null "
            "(and --init random or prc), or name cameras in data.cameras"
        )
    if "finetune" in stages and config.model.map is not None and source.map_grid is None:
        raise CalicoError(
            f"data {source.name}: has no maps, but the model has a map head; set model.map to null "
            f"to train without, "
            "or put the data set's maps in its folder"
        )


def _untouched(model: CalicoModel, batch: Batch) -> Batch:
    return batch


def _unmeasured(model: CalicoModel, config: Config) -> dict[str, float | None]:
    return {}
