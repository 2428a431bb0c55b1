"""Which cells of an earlier run can be kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from calico.errors import CalicoError
from calico.files import RUN_FILE
from calico.taxonomy import NUSCENES
from calico_eval.attacks.budget.saved import check_saved
from calico_eval.engines.base import Engine
from calico_eval.engines.user import UserEngine
from calico_eval.evaluation.inputs import EvaluationInputs
from calico_eval.evaluation.plan import EvaluationPlan, Job, group_jobs
from calico_eval.evaluation.store import RunStore
from reports.schema import Provenance

Warn = Callable[[str], None]


def list_identity(
    plan: EvaluationPlan, engines: Mapping[str, Engine], provenance: Provenance
) -> dict[str, object]:
    """List what must be the same for a run to be resumed.

    Args:
        plan: Plan of the evaluation.
        engines: Engines by label.
        provenance: Versions, data and machine.
    """
    origin = provenance.model_dump(mode="json", exclude={"command", "git_dirty"})
    if origin["taxonomy"] == NUSCENES.name:
        del origin["taxonomy"]  # as it is in runs of versions that knew no other one
    return {
        "models": {name: engine.sha256 for name, engine in engines.items()},
        "conditions": list(dict.fromkeys(str(job.condition) for job in plan.jobs)),
        "cells": [job.id for job in plan.jobs],
        "batch_size": plan.batch_size,
        "baseline": plan.baseline,
        **origin,
    }


def check_weights_named(
    engines: Mapping[str, Engine], out_dir: Path, resume: bool, warn: Warn
) -> None:
    """Check that every model of the user's says which weights it has.

    Args:
        engines: Engines by label.
        out_dir: Folder of the run.
        resume: Whether the run in the folder is to be resumed.
        warn: Hears of models that do not say it, if the run is a new one.

    Raises:
        CalicoError: A run with such a model is resumed; its weights could have changed.
    """
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
            f"{out_dir}: {what}, so cells of before and after could be of two models; start again "
            "with --overwrite, and give the model a sha256 to have it resumed "
            "(docs/start/your_model.md)"
        )
    warn(f"{what}: a run that is stopped cannot be resumed; see docs/start/your_model.md")


def find_missing_jobs(
    plan: EvaluationPlan,
    inputs: EvaluationInputs,
    store: RunStore,
    attacked_dir: Path | None,
    warn: Warn,
) -> list[Job]:
    """Find the jobs whose cell, or whose attacked frames, are missing or cannot be trusted.

    Args:
        plan: Plan of the evaluation.
        inputs: Engines and frames.
        store: Run folder.
        attacked_dir: Folder of the attacked frames that are kept, or None.
        warn: Hears of what cannot be trusted.
    """
    missing = []
    for job in plan.jobs:
        found = store.load_cell(job.id)
        if isinstance(found, str):
            warn(
                f"{job.condition} on {job.engine}: {found}; it cannot be trusted and is computed "
                "again"
            )
        if not isinstance(found, tuple):
            missing.append(job)
    if attacked_dir is None:
        return missing
    return _add_lost_frames(plan, missing, inputs, attacked_dir, warn)


def _add_lost_frames(
    plan: EvaluationPlan,
    missing: Sequence[Job],
    inputs: EvaluationInputs,
    attacked_dir: Path,
    warn: Warn,
) -> list[Job]:
    """Add the jobs whose attacked frames cannot be trusted."""
    tokens = [inputs.source.info(index).token for index in plan.indices]
    again = {job.id for job in missing}
    for (condition, source_engine), jobs in group_jobs(plan.jobs).items():
        attack = jobs[0].attack
        if attack is None or source_engine is None or again & {job.id for job in jobs}:
            continue
        sha256 = inputs.by_label[source_engine].sha256
        problem = check_saved(attacked_dir / jobs[0].id, tokens, attack, sha256)
        if problem:
            warn(f"{condition}: {problem}; it cannot be trusted and is computed again")
            again |= {job.id for job in jobs}
    return [job for job in plan.jobs if job.id in again]
