"""Robustness of the fine-tuned models under corruptions and attacks.

It tests the second half of the claim: that pre-trained models are harder to break.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from calico.data.open import Split, open_source
from calico.errors import CalicoError
from calico.files import lock_folder, read_bytes, write_atomic
from calico.train.checkpoint import MAX_BYTES, MODEL_FILE, load_model
from calico_eval.attacks.parse import attack_specs
from calico_eval.engines.base import Engine, label
from calico_eval.engines.torch import TorchEngine
from calico_eval.evaluation.assignments import EngineRoles
from calico_eval.evaluation.inputs import EvaluationInputs
from calico_eval.evaluation.options import Listeners, RunOptions
from calico_eval.evaluation.plan import ConditionChoice, EvaluationPlan, make_plan
from calico_eval.evaluation.provenance import describe_origin
from calico_eval.evaluation.run import run_evaluation
from calico_eval.evaluation.suites import list_suites, spread_indices
from calico_eval.validation import eval_ranges
from experiments.pretraining.protocol import Cell, config_of
from experiments.pretraining.records import ROBUST_FORMAT, CellRecord, RobustRecord, read_record
from experiments.pretraining.run import Bar
from reports.schema import Results


def measure_robustness(
    work: Path,
    results: Path,
    cells: Sequence[Cell],
    *,
    split: Split,
    extra: tuple[str, ...],
    command: Sequence[str],
    progress: Callable[[str], Bar],
    say: Callable[[str], None],
) -> Path:
    """Run the demo suite on the models of one sensor set, share of labels and seed.

    Args:
        work: Folder of models and logs.
        results: Folder of the cells' JSON.
        cells: Cells of one group. The first is the baseline of mCE.
        split: Frames to score on.
        extra: Settings on top of the size's.
        command: Words of the command line, for the record.
        progress: Gives some work its progress bar.
        say: Prints a message.

    Returns:
        robust-<first cell>.json: per variant mCE, mRR and mPC of mAP, and per attack the share of
        the clean mAP that it takes.

    Raises:
        CalicoError: A model is missing or is not that of its cell's result. Run its cell first.
    """
    path = results / f"robust-{cells[0].name}.json"
    identity = _identity(results, cells)
    if path.exists():
        there = read_record(path, RobustRecord, "robustness")
        if all(there.get(name) == value for name, value in identity.items()):
            return path
    _, config = config_of(cells[0], extra)
    engines = _open_engines(work, cells, identity["models"], config.device)
    suite = list_suites()["demo"]
    source = open_source(config, split)
    inputs = EvaluationInputs(engines, source)
    attacks = attack_specs(suite.attacks, engines[0].sensors, steps=suite.steps)
    plan = make_plan(
        inputs,
        ConditionChoice(suite.corruptions, suite.severities, attacks=attacks),
        ranges=eval_ranges(config),
        roles=EngineRoles(baseline=label(engines[0])),
        indices=spread_indices(len(source), suite.frames),
        seed=config.seed,
        batch_size=config.eval.batch_size,
    )
    folder = work / "robust" / f"{cells[0].name}-{_digest(plan)}"
    bar = progress(f"robustness of {cells[0].name} and {len(cells) - 1} others")
    with lock_folder(folder):
        options = RunOptions(cells[0].name, command, pictures=False, resume=True)
        listeners = Listeners(lambda done, total, what: bar(done, total), say)
        found = run_evaluation(plan, inputs, folder, options, listeners)
    record = {
        "format": ROBUST_FORMAT,
        **identity,
        "labels": cells[0].labels,
        "seed": cells[0].seed,
        "variants": {engine.model_name: _figures(found, engine) for engine in engines},
        "origin": found.provenance.model_dump(mode="json"),
    }
    write_atomic(path, json.dumps(record, indent=1, sort_keys=True) + "\n")
    return path


def _identity(results: Path, cells: Sequence[Cell]) -> dict[str, Any]:
    """What a record depends on, by the results of its cells."""
    records = [read_record(results / f"{cell.name}.json", CellRecord, "cell") for cell in cells]
    models = {
        cell.variant.name: record["model_sha256"]
        for cell, record in zip(cells, records, strict=True)
    }
    return {"models": models, **{name: records[0][name] for name in ("size", "split", "data_hash")}}


def _open_engines(
    work: Path, cells: Sequence[Cell], models: Mapping[str, str], device: str
) -> list[Engine]:
    """Open the model of every cell, and check that it is the one of the cell's result."""
    engines: list[Engine] = []
    for cell in cells:
        folder = cell.model_folder(work)
        _check_model(folder / MODEL_FILE, models[cell.variant.name])
        model, own = load_model(folder)
        engines.append(TorchEngine(model, own, device, cell.variant.name))
    return engines


def _check_model(file: Path, sha256: str) -> None:
    if not file.is_file():
        raise CalicoError(
            f"{file}: not there; the model of a finished cell is needed, run it again"
        )
    if hashlib.sha256(read_bytes(file, MAX_BYTES, "model file")).hexdigest() != sha256:
        raise CalicoError(
            f"{file}: not the model of its cell's result, expected sha256 {sha256}; run the cell "
            f"again"
        )


def _digest(plan: EvaluationPlan) -> str:
    """Names an evaluation by all that must be the same for it to be resumed."""
    versions = {
        name: value
        for name, value in describe_origin(()).items()
        if name not in ("command", "git_dirty")
    }
    content = json.dumps([[job.id for job in plan.jobs], versions], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def _figures(results: Results, engine: Engine) -> dict[str, float | None]:
    summary = results.summary[label(engine)]
    figures = {
        name: summary[f"mAP/{name}"].value
        for name in ("mCE", "mRR", "mPC")
        if f"mAP/{name}" in summary
    }
    values = {
        cell.condition.name: cell.metrics["mAP"].value
        for cell in results.cells
        if (cell.model, cell.engine) == (engine.model_name, engine.name)
        and cell.condition.kind in ("clean", "attack")
    }
    clean = values["clean"]
    for name, value in values.items():
        if name != "clean":
            figures[f"lost_to_{name}"] = None if not clean or value is None else 1.0 - value / clean
    return figures
