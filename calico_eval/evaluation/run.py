"""Run an evaluation: the missing cells, then summary, curves, gallery and results.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from calico.errors import CalicoError
from calico_eval.engines.base import Engine
from calico_eval.engines.predictions import PredictionFiles
from calico_eval.engines.torch import TorchEngine
from calico_eval.evaluation.applied_condition import AppliedCondition
from calico_eval.evaluation.cells import ASKED_TWICE, SAME, CellMeasurement
from calico_eval.evaluation.conditions import CorruptionCondition
from calico_eval.evaluation.curves import compute_curves
from calico_eval.evaluation.gallery import draw_gallery
from calico_eval.evaluation.inputs import EvaluationInputs
from calico_eval.evaluation.options import Listeners, RunOptions, Steps
from calico_eval.evaluation.plan import EvaluationPlan, Job, group_jobs
from calico_eval.evaluation.provenance import describe_run
from calico_eval.evaluation.remembered_answers import RememberedAnswers
from calico_eval.evaluation.resume import check_weights_named, find_missing_jobs, list_identity
from calico_eval.evaluation.sanity import list_attacked_engines, make_sanity_verdict
from calico_eval.evaluation.store import RunStore
from calico_eval.evaluation.summary import summarise_cells
from calico_eval.evaluation.universal_attacks import UniversalAttacks
from calico_eval.metrics.suffstats import FrameStats
from reports.plausibility import check_meaning
from reports.results_file import write_results
from reports.schema import Cell, Model, Picture, Results

RESULTS_FILE = "results.json"
ATTACKED_FOLDER = "attacked"
NO_SANITY = "The sanity checks were left out (--no-sanity): the attack figures are unchecked."
NO_GALLERY = "The gallery was left out: the sensor files of its frames cannot be read."


@dataclass(frozen=True)
class _Run:
    """One run: what it measures, where it is written, how, and who hears of it."""

    plan: EvaluationPlan
    inputs: EvaluationInputs
    out_dir: Path
    options: RunOptions
    listeners: Listeners


def run_evaluation(
    plan: EvaluationPlan,
    inputs: EvaluationInputs,
    out_dir: Path,
    options: RunOptions,
    listeners: Listeners | None = None,
) -> Results:
    """Measure every cell of a plan and write the run folder (`store.RunStore`).

    The caller holds the folder's lock (`calico.files.lock_folder`). A cell is written when it is
    done. An evaluation that is killed goes on with the missing cells and ends with the same bytes
    of cells, gallery and results.json.

    Args:
        plan: Plan from `make_plan` with the same inputs.
        inputs: Engines and frames.
        out_dir: Folder of the run.
        options: What is written, and what happens to a folder that is not empty.
        listeners: Who hears how it goes. Default: nobody.

    Returns:
        What results.json holds.

    Raises:
        ReportError: The results contradict themselves, which is a fault of this program. They are
            written nevertheless.
        CalicoError: The folder holds something else, a condition changed nothing, an attack went
            over its budget, or a model failed. Cells that were finished before stay.
    """
    run = _Run(plan, inputs, out_dir, options, listeners or Listeners())
    check_weights_named(inputs.by_label, out_dir, options.resume, run.listeners.warn)
    provenance = describe_run(plan, inputs.source, options.command)
    store = RunStore(out_dir, run.listeners.warn)
    identity = list_identity(plan, inputs.by_label, provenance)
    identity |= {"save_attacked": True} if options.save_attacked else {}
    store.open_run(
        identity, options.config_yaml, resume=options.resume, overwrite=options.overwrite
    )
    _warn_of_copies(run)
    attacked_dir = out_dir / ATTACKED_FOLDER if options.save_attacked else None
    missing = find_missing_jobs(plan, inputs, store, attacked_dir, run.listeners.warn)
    steps = Steps(run.listeners.progress, len(missing) * len(plan.indices))
    learned = UniversalAttacks(inputs, plan.indices, plan.seed)
    _measure_missing(run, store, missing, steps, learned)
    cells, stats = _read_finished(plan, store)
    notes = [*plan.notes, *_note_repeats(run, cells)]
    if not options.sanity and list_attacked_engines(plan, inputs.by_label):
        notes.append(NO_SANITY)
    pictures, note = _draw_pictures(run, cells, stats, learned)
    sensors = {name: engine.sensors for name, engine in inputs.by_label.items()}
    results = Results(
        title=options.title,
        provenance=provenance,
        models=_describe_models(inputs.engines),
        cells=tuple(cells.values()),
        summary=summarise_cells(plan, cells, stats, sensors),
        curves=compute_curves(plan, cells, stats, sensors),
        sanity=make_sanity_verdict(
            plan, inputs, cells, stats, store, lambda what: steps.count_frames(0, what)
        )
        if options.sanity
        else (),
        pictures=pictures,
        notes=(*notes, *note),
    )
    write_results(out_dir / RESULTS_FILE, results)
    check_meaning(results, str(out_dir / RESULTS_FILE))
    store.finish_run(identity)
    return results


def _measure_missing(
    run: _Run, store: RunStore, missing: Sequence[Job], steps: Steps, learned: UniversalAttacks
) -> None:
    """Measure the missing cells, condition by condition."""
    answers = RememberedAnswers(missing)
    measurement = CellMeasurement(run.plan, run.inputs, store, steps, answers)
    folders = {key: jobs[0].id for key, jobs in group_jobs(run.plan.jobs).items()}
    for (condition, source_engine), jobs in group_jobs(missing).items():
        applied = AppliedCondition(
            condition,
            run.plan.seed,
            run.inputs.by_label[source_engine] if source_engine else None,
            learned.learn(condition, source_engine),
        )
        if run.options.save_attacked and applied.log is not None:
            folder = folders[condition, source_engine]
            applied.save_to = run.out_dir / ATTACKED_FOLDER / folder
        measurement.measure_cells(applied, jobs)


def _draw_pictures(
    run: _Run,
    cells: Mapping[str, Cell],
    stats: Mapping[str, Sequence[FrameStats]],
    learned: UniversalAttacks,
) -> tuple[tuple[Picture, ...], tuple[str, ...]]:
    """Draw the gallery; return its pictures, or a note if its frames cannot be read.

    Folders of predictions are scored by labels alone, so that their sensor files may be missing.
    """
    if not run.options.pictures:
        return (), ()
    try:
        return draw_gallery(run.plan, run.inputs, cells, stats, run.out_dir, learned), ()
    except CalicoError as error:
        if not all(isinstance(engine, PredictionFiles) for engine in run.inputs.engines):
            raise
        run.listeners.warn(f"{NO_GALLERY} {error}")
        return (), (NO_GALLERY,)


def _warn_of_copies(run: _Run) -> None:
    """Warn of predictions under a condition that equal the clean ones byte for byte."""
    for job in run.plan.jobs:
        engine = run.inputs.by_label[job.engine]
        condition = job.condition
        if (
            isinstance(engine, PredictionFiles)
            and isinstance(condition, CorruptionCondition)
            and not condition.is_clean
            and engine.same_as_clean(condition.file_stem)
        ):
            stem = condition.file_stem
            run.listeners.warn(
                f"predictions {engine.folder}: {stem}.json is byte for byte clean.json; "
                "were they made on corrupted frames?"
            )


def _note_repeats(run: _Run, cells: Mapping[str, Cell]) -> list[str]:
    """Note every engine that gave two answers to one frame."""
    said = [
        (job.engine, str(cells[job.id].details.get(ASKED_TWICE, SAME))) for job in run.plan.jobs
    ]
    notes = [
        f"{engine} answers differently when it is asked twice about one frame ({how}): "
        "its figures cannot be made again."
        for engine, how in said
        if how != SAME
    ]
    for note in notes:
        run.listeners.warn(note)
    return notes


def _read_finished(
    plan: EvaluationPlan, store: RunStore
) -> tuple[dict[str, Cell], dict[str, list[FrameStats]]]:
    """Read cells and frames back, so that it does not matter which process made them."""
    cells, stats = {}, {}
    for job in plan.jobs:
        found = store.load_cell(job.id)
        if not isinstance(found, tuple):
            problem = found or f"cell {job.id} is gone"
            raise CalicoError(
                f"{store.path}: {job.condition} on {job.engine}: {problem}; run with --resume"
            )
        cells[job.id], stats[job.id] = found
    return cells, stats


def _describe_models(engines: Sequence[Engine]) -> tuple[Model, ...]:
    """Describe every model once, with the hash of its first engine."""
    models: dict[str, Model] = {}
    for engine in engines:
        known = models.get(engine.model_name)
        if known is not None:
            more = f"{known.description}; {engine.name}: sha256 {engine.sha256}"
            models[engine.model_name] = known.model_copy(update={"description": more})
            continue
        parameters, description = None, f"{engine.name}: sha256 {engine.sha256}"
        if isinstance(engine, PredictionFiles):
            description += (
                "; predictions made elsewhere: no effect check sees the frames that they were "
                "made on"
            )
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
