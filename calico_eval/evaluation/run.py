"""Runs an evaluation: every missing cell, then the summary, the curves, the gallery and results.json."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.files import RUN_FILE
from calico_eval.attacks.budget.saved import check_saved
from calico_eval.engines.base import Engine, label
from calico_eval.engines.predictions import PredictionFiles
from calico_eval.engines.torch import TorchEngine
from calico_eval.engines.user import UserEngine
from calico_eval.evaluation.applied_condition import Change
from calico_eval.evaluation.cells import ASKED_TWICE, SAME, Progress, Steps, run_group
from calico_eval.evaluation.conditions import ConditionSpec
from calico_eval.evaluation.curves import compute_curves
from calico_eval.evaluation.gallery import draw_gallery
from calico_eval.evaluation.plan import EvaluationPlan, Job
from calico_eval.evaluation.provenance import provenance
from calico_eval.evaluation.remembered_answers import RememberedAnswers
from calico_eval.evaluation.sanity import attacked_engines, sanity_verdict
from calico_eval.evaluation.store import RunStore
from calico_eval.evaluation.summary import summarise
from calico_eval.evaluation.universal_attacks import Fits, scenes_of
from calico_eval.metrics.suffstats import FrameStats
from reports.plausibility import check_meaning
from reports.results_file import write_results
from reports.schema import Cell, Model, Picture, Provenance, Results

NO_SANITY = "The sanity checks were left out (--no-sanity): the attack figures are unchecked."

NO_GALLERY = "The gallery was left out: the sensor files of its frames cannot be read."


def run_evaluation(
    plan: EvaluationPlan,
    engines: Sequence[Engine],
    source: FrameSource,
    out_dir: Path,
    *,
    fit_source: FrameSource | None = None,
    save_attacked: bool = False,
    title: str,
    command: Sequence[str] = (),
    config_yaml: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    pictures: bool = True,
    sanity: bool = True,
    progress: Progress = lambda done, total, what: None,
    warn: Callable[[str], None] = lambda message: None,
) -> Results:
    """Measures every cell of the plan and writes the run folder (`store.RunStore`).

    The caller holds the folder's lock (`calico.files.lock_folder`).
    A cell is written when it is done, so that a killed evaluation goes on with the missing ones and ends with the same bytes of
    cells, gallery and results.json.

    Args:
        plan: from `make_plan` with the same engines, source and fit_source.
        command: the words that the user typed, for the report.
        save_attacked: keep the attacked frames in out_dir/attacked/<cell>/, that of the first engine they are shown to.
        config_yaml: text of the resolved configuration.
        resume: Go on with the folder's finished cells.
        overwrite: Delete what the folder holds and start again.
        pictures: draw the gallery.
        sanity: make the sanity verdict of the attacks; without it their figures are unchecked, and reports say so.
        warn: is told of cells that had to be computed again, and of prediction files that are copies of clean.json.

    Raises:
        ReportError: the results contradict themselves, which is a fault of this program; results.json is written all the same.
        CalicoError: the folder holds something else; a condition changed nothing; an attack went over its budget; a model
            failed. Cells that were finished before stay.
    """
    by_label = {label(engine): engine for engine in engines}
    _check_named(by_label, out_dir, resume, warn)
    origin = provenance(plan, source, command)
    store = RunStore(out_dir, warn)
    identity = _identity(plan, by_label, origin) | (
        {"save_attacked": True} if save_attacked else {}
    )
    store.open(identity, config_yaml, resume=resume, overwrite=overwrite)
    _warn_of_copies(plan, by_label, warn)
    attacked = out_dir / "attacked" if save_attacked else None
    missing = _missing(plan, store, warn)
    missing = (
        _with_lost_frames(plan, missing, by_label, source, attacked, warn) if attacked else missing
    )
    steps = Steps(progress, len(missing) * len(plan.indices))
    everything = _groups(plan.jobs)
    fits = Fits(by_label, plan.seed, fit_source, scenes_of(source, plan.indices))
    answers = RememberedAnswers(missing)
    for (condition, crafted_on), jobs in _groups(missing).items():
        crafting = by_label[crafted_on] if crafted_on else None
        change = Change(condition, plan.seed, crafting, fits.get(condition, crafted_on))
        if attacked and condition.attack:
            change.save_to = attacked / everything[condition, crafted_on][0].id
        run_group(plan, change, jobs, by_label, source, store, steps, answers)
    cells, stats = _finished(plan, store)
    sensors = {name: engine.sensors for name, engine in by_label.items()}
    notes = [*plan.notes, *_notes_of_repeats(plan, cells)]
    for note in notes[len(plan.notes) :]:
        warn(note)
    if not sanity and attacked_engines(plan, by_label):
        notes.append(NO_SANITY)
    drawn: tuple[Picture, ...] = ()
    if pictures:
        try:
            drawn = draw_gallery(plan, by_label, source, cells, stats, out_dir, fits)
        except CalicoError as error:
            if not all(isinstance(engine, PredictionFiles) for engine in engines):
                raise
            warn(f"{NO_GALLERY} {error}")
            notes.append(NO_GALLERY)
    results = Results(
        title=title,
        provenance=origin,
        models=_models(engines),
        cells=tuple(cells.values()),
        summary=summarise(plan, cells, stats, sensors),
        curves=compute_curves(plan, cells, stats, sensors),
        sanity=sanity_verdict(
            plan, by_label, source, cells, stats, store, lambda what: steps.advance(0, what)
        )
        if sanity
        else (),
        pictures=drawn,
        notes=tuple(notes),
    )
    write_results(out_dir / "results.json", results)
    check_meaning(results, str(out_dir / "results.json"))
    store.finish(identity)
    return results


def _warn_of_copies(
    plan: EvaluationPlan, engines: Mapping[str, Engine], warn: Callable[[str], None]
) -> None:
    """Predictions under a condition that equal the clean ones byte for byte: a mistake, or a sensor that is not used."""
    for job in plan.jobs:
        engine, stem = engines[job.engine], job.condition.file_stem
        if (
            isinstance(engine, PredictionFiles)
            and job.condition.kind != "clean"
            and engine.same_as_clean(stem)
        ):
            warn(
                f"predictions {engine.folder}: {stem}.json is byte for byte clean.json; were they made on corrupted frames?"
            )


def _missing(plan: EvaluationPlan, store: RunStore, warn: Callable[[str], None]) -> list[Job]:
    """Jobs whose cell is not there or cannot be trusted."""
    missing = []
    for job in plan.jobs:
        found = store.load(job.id)
        if isinstance(found, str):
            warn(
                f"{job.condition} on {job.engine}: {found}; it cannot be trusted and is computed again"
            )
        if not isinstance(found, tuple):
            missing.append(job)
    return missing


def _with_lost_frames(
    plan: EvaluationPlan,
    missing: Sequence[Job],
    engines: Mapping[str, Engine],
    source: FrameSource,
    folder: Path,
    warn: Callable[[str], None],
) -> list[Job]:
    """The missing jobs and those whose attacked frames, which are to be kept in the folder, cannot be trusted."""
    tokens = [source.info(index).token for index in plan.indices]
    again = {job.id for job in missing}
    for (condition, crafted_on), jobs in _groups(plan.jobs).items():
        if condition.attack and crafted_on and not again & {job.id for job in jobs}:
            problem = check_saved(
                folder / jobs[0].id, tokens, condition.attack, engines[crafted_on].sha256
            )
            if problem:
                warn(f"{condition}: {problem}; it cannot be trusted and is computed again")
                again |= {job.id for job in jobs}
    return [job for job in plan.jobs if job.id in again]


def _check_named(
    engines: Mapping[str, Engine], out_dir: Path, resume: bool, warn: Callable[[str], None]
) -> None:
    """Refuses to resume with a model of the user's whose weights could be others than they were, and says so at the start."""
    unnamed = [
        name
        for name, one in engines.items()
        if isinstance(one, UserEngine) and not one.weights_named
    ]
    if not unnamed:
        return
    what = f"model {', '.join(unnamed)} does not say which weights it has (attribute sha256)"
    if resume and (out_dir / RUN_FILE).exists():
        raise CalicoError(
            f"{out_dir}: {what}, so cells of before and after could be of two models; start again with --overwrite, "
            "and give the model a sha256 to have it resumed (docs/start/your_model.md)"
        )
    warn(f"{what}: a run that is stopped cannot be resumed; see docs/start/your_model.md")


def _notes_of_repeats(plan: EvaluationPlan, cells: Mapping[str, Cell]) -> list[str]:
    """A note for every engine that gave two answers to one frame."""
    said = [(job.engine, str(cells[job.id].details.get(ASKED_TWICE, SAME))) for job in plan.jobs]
    return [
        f"{engine} answers differently when it is asked twice about one frame ({how}): its figures cannot be made again."
        for engine, how in said
        if how != SAME
    ]


def _groups(jobs: Sequence[Job]) -> dict[tuple[ConditionSpec, str | None], list[Job]]:
    """Jobs that see the same frames, in the order of the plan."""
    groups: dict[tuple[ConditionSpec, str | None], list[Job]] = {}
    for job in jobs:
        groups.setdefault((job.condition.change, job.crafted_on), []).append(job)
    return groups


def _finished(
    plan: EvaluationPlan, store: RunStore
) -> tuple[dict[str, Cell], dict[str, list[FrameStats]]]:
    """Cells and frames by id, read back from the folder: the same numbers whether this process made them or another."""
    cells, stats = {}, {}
    for job in plan.jobs:
        found = store.load(job.id)
        if not isinstance(found, tuple):
            problem = found or f"cell {job.id} is gone"
            raise CalicoError(
                f"{store.path}: {job.condition} on {job.engine}: {problem}; run with --resume"
            )
        cells[job.id], stats[job.id] = found
    return cells, stats


def _models(engines: Sequence[Engine]) -> tuple[Model, ...]:
    """One entry per model name; the hash is that of the first engine, the others are named in the description."""
    models: dict[str, Model] = {}
    for engine in engines:
        known = models.get(engine.model_name)
        if known is not None:
            more = f"{known.description}; {engine.name}: sha256 {engine.sha256}"
            models[engine.model_name] = known.model_copy(update={"description": more})
            continue
        parameters, description = None, f"{engine.name}: sha256 {engine.sha256}"
        if isinstance(engine, PredictionFiles):
            description += "; predictions made elsewhere: no effect check sees the frames that they were made on"
        if isinstance(engine, TorchEngine):
            parameters = sum(parameter.numel() for parameter in engine.model.parameters())
        models[engine.model_name] = Model(
            name=engine.model_name,
            sha256=engine.sha256,
            sensors=tuple(sensor for sensor in ("camera", "lidar") if sensor in engine.sensors),
            parameters=parameters,
            description=description,
        )
    return tuple(models.values())


def _identity(
    plan: EvaluationPlan, engines: Mapping[str, Engine], origin: Provenance
) -> dict[str, object]:
    """What must be the same for a run to be resumed."""
    return {
        "models": {name: engine.sha256 for name, engine in engines.items()},
        "conditions": list(dict.fromkeys(str(job.condition) for job in plan.jobs)),
        "cells": [job.id for job in plan.jobs],
        "batch_size": plan.batch_size,
        "baseline": plan.baseline,
        **origin.model_dump(mode="json", exclude={"command", "git_dirty"}),
    }
