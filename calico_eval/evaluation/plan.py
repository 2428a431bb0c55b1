"""The plan of an evaluation, fixed before it starts.

The plan lists the cells. The id of a cell is a hash of all that its result depends on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from calico.data.applicable import check_applicable, select_applicable
from calico.errors import CalicoError
from calico_eval.attacks import AttackSpec
from calico_eval.engines.base import check_cameras, check_labels, check_taxonomy, label
from calico_eval.engines.predictions import PredictionFiles
from calico_eval.evaluation.assignments import Assignment, EngineRoles, assign_condition
from calico_eval.evaluation.conditions import (
    CLEAN,
    AnyCondition,
    AttackCondition,
    CorruptionCondition,
)
from calico_eval.evaluation.curve_request import CurveRequest
from calico_eval.evaluation.inputs import EvaluationInputs
from calico_eval.evaluation.universal_attacks import describe_fit
from corruptions import SUITE_VERSION
from corruptions.preset import Level
from corruptions.presets import choose_levels


@dataclass(frozen=True)
class Job:
    """A cell to be measured: one condition on one engine.

    Attributes:
        id: Hash of all that the cell's result depends on.
        condition: Condition of the frames.
        engine: Label of the engine that sees them.
        source_engine: For an attack, the label of the engine that it is made on.
    """

    id: str
    condition: AnyCondition
    engine: str
    source_engine: str | None = None

    @property
    def attack(self) -> AttackSpec | None:
        """The attack, or None for clean frames and corruptions."""
        return self.condition.attack if isinstance(self.condition, AttackCondition) else None

    @property
    def is_clean(self) -> bool:
        """Whether the engine sees the frames as they are."""
        return self.condition == CLEAN

    @property
    def corruption(self) -> CorruptionCondition | None:
        """The level of a corruption, which means are taken over; None for all other conditions."""
        condition = self.condition
        if isinstance(condition, CorruptionCondition) and condition.severity > 0:
            return condition
        return None

    @property
    def is_on_clean_frames(self) -> bool:
        """Whether the condition is an attack without a corruption before it."""
        return isinstance(self.condition, AttackCondition) and self.condition.on.is_clean

    @property
    def change(self) -> AnyCondition:
        """What is done to the frames; jobs of one change and source engine see the same frames."""
        condition = self.condition
        return condition.without_transfer() if isinstance(condition, AttackCondition) else condition


def group_jobs(jobs: Sequence[Job]) -> dict[tuple[AnyCondition, str | None], list[Job]]:
    """Group jobs that see the same frames, in the order of the plan.

    Returns:
        Change to the frames and source engine, and their jobs.
    """
    groups: dict[tuple[AnyCondition, str | None], list[Job]] = {}
    for job in jobs:
        groups.setdefault((job.change, job.source_engine), []).append(job)
    return groups


@dataclass(frozen=True)
class ConditionChoice:
    """The conditions that an evaluation covers, besides the clean frames.

    Attributes:
        corruptions: Names of corruptions, several joined by '+', or of presets.
        severities: Levels of the corruptions. Empty takes all that they have; aggregates need the
            same levels of every corruption.
        curves: Curves over the parameter of a corruption, which are in no aggregate.
        attacks: Attacks on clean frames.
        attack_corrupted: Whether every attack is also made on every corrupted frame.
    """

    corruptions: Sequence[str] = ()
    severities: Sequence[int] = ()
    curves: Sequence[CurveRequest] = ()
    attacks: Sequence[AttackSpec] = ()
    attack_corrupted: bool = False


@dataclass(frozen=True)
class EvaluationPlan:
    """All of an evaluation except the engines and the frames themselves.

    Attributes:
        jobs: Cells, in the order of the report.
        indices: Frames of the source.
        ranges: Class name to range [m].
        seed: Seed of every random stream.
        batch_size: Number of frames that a model sees at once.
        baseline: Label of the engine that mCE and RRA compare the others with, or None.
        curves: Curves among the jobs.
        notes: What was left out, and why.
        data_hash: Hash of the frames, or of their labels if nothing else is looked at.
    """

    jobs: tuple[Job, ...]
    indices: tuple[int, ...]
    ranges: Mapping[str, float]
    seed: int
    batch_size: int
    baseline: str | None = None
    curves: tuple[CurveRequest, ...] = ()
    notes: tuple[str, ...] = ()
    data_hash: str = ""


def make_plan(
    inputs: EvaluationInputs,
    choice: ConditionChoice,
    *,
    ranges: Mapping[str, float],
    roles: EngineRoles | None = None,
    indices: Sequence[int] | None = None,
    seed: int = 0,
    batch_size: int = 4,
) -> EvaluationPlan:
    """Plan an evaluation of every engine on the clean frames and on every condition.

    `assignments.assign_condition` says which engine an attack is made on.

    Args:
        inputs: Engines, frames and, for universal attacks, frames to learn on.
        choice: Conditions.
        ranges: Class name to range [m] within which objects are scored.
        roles: Baseline, and engines that are only there for the attacks. Default: none.
        indices: Indices of the frames. Default: all.
        seed: Seed of every random stream.
        batch_size: Number of frames that a model sees at once.

    Raises:
        CalicoError: There is nothing to run, or two engines have one name. The baseline is unknown.
            A corruption has two curves, or can do nothing to the data. No model can be attacked as
            asked (what only some models lack is left out with a note). A folder of predictions
            lacks a condition. A universal attack has no frames to learn on.
        CorruptionError: A corruption or severity is unknown.
    """
    roles = roles or EngineRoles()
    engines, source = inputs.engines, inputs.source
    check_labels(engines)
    roles.check_labels([label(engine) for engine in engines])
    check_cameras(engines, source)
    check_taxonomy(engines, source)
    chosen = tuple(range(len(source)) if indices is None else indices)
    if not engines or not chosen:
        raise CalicoError(
            f"data {source.name}: nothing to run ({len(engines)} engines, {len(chosen)} frames)"
        )
    _check_curves(choice.curves, inputs, chosen, seed)
    conditions, notes = _list_conditions(choice, inputs, chosen, seed)
    by_labels = _are_files(inputs) and not any(condition.moves_boxes for condition in conditions)
    data_hash = source.labels_hash() if by_labels else source.content_hash()
    common = {
        "data": data_hash,
        "frames": [source.info(index).token for index in chosen],
        "ranges": dict(ranges),
        "seed": seed,
        "batch_size": batch_size,  # convolutions round differently in batches of other sizes
        "suite": SUITE_VERSION,
    }
    fits = {condition: describe_fit(condition, inputs, chosen) for condition in conditions}
    jobs = []
    for condition in conditions:
        found, left_out = assign_condition(condition, engines, roles)
        notes += left_out
        jobs += [_make_job(one, common, fits[condition]) for one in found]
    return EvaluationPlan(
        jobs=tuple(jobs),
        indices=chosen,
        ranges=dict(ranges),
        seed=seed,
        batch_size=batch_size,
        baseline=roles.baseline,
        curves=tuple(choice.curves),
        notes=notes,
        data_hash=data_hash,
    )


def _list_conditions(
    choice: ConditionChoice, inputs: EvaluationInputs, indices: Sequence[int], seed: int
) -> tuple[list[AnyCondition], tuple[str, ...]]:
    """List the conditions without repetition, and note what was left out."""
    levels, notes = _choose_levels(choice, inputs, indices, seed)
    corrupted = [CorruptionCondition.at_severity(c.name, c.severity, c.value) for c in levels]
    conditions: list[AnyCondition] = [CLEAN, *corrupted]
    conditions += [point for curve in choice.curves for point in curve.points]
    conditions += [AttackCondition(attack) for attack in choice.attacks]
    if choice.attack_corrupted:
        conditions += [AttackCondition(a, on) for on in corrupted for a in choice.attacks]
    return list(dict.fromkeys(conditions)), notes


def _choose_levels(
    choice: ConditionChoice, inputs: EvaluationInputs, indices: Sequence[int], seed: int
) -> tuple[tuple[Level, ...], tuple[str, ...]]:
    """Choose the levels of the corruptions, and note what was left out (`select_applicable`).

    No frame is looked at if all engines are folders of predictions that have all of the conditions.
    """
    names, severities = choice.corruptions, choice.severities
    if names and _are_files(inputs):
        wanted = choose_levels(names, severities)
        if all(
            engine.has_condition(one.file_stem)
            for one in wanted
            for engine in inputs.engines
            if isinstance(engine, PredictionFiles)
        ):
            return wanted, ()
    return select_applicable(names, severities, inputs.source, indices, seed)


def _are_files(inputs: EvaluationInputs) -> bool:
    return all(isinstance(engine, PredictionFiles) for engine in inputs.engines)


def _check_curves(
    curves: Sequence[CurveRequest], inputs: EvaluationInputs, indices: Sequence[int], seed: int
) -> None:
    names = [curve.name for curve in curves]
    if len(set(names)) < len(names):
        raise CalicoError(
            f"{max(names, key=names.count)} has two curves; give all of its values in one --curve"
        )
    if _are_files(inputs):  # whether there is one for each point is found out without the frames
        return
    levels = [Level(curve.name, 0, value) for curve in curves for value in curve.values]
    check_applicable(levels, inputs.source, indices, seed)


def _make_job(
    one: Assignment, common: Mapping[str, object], fitted_on: Mapping[str, object] | None
) -> Job:
    """Make the job of an assignment.

    The names in the key are those of before, so that the cells of an earlier run keep their ids.
    """
    source = one.source_engine
    described = one.condition.describe().model_dump(mode="json")
    if described["kind"] == "curve":
        described["kind"] = "sweep"
    key = {
        **common,
        "condition": described,
        "engine": label(one.engine),
        "weights": one.engine.sha256,
        "crafted_on": [label(source), source.sha256] if source else None,
    }
    if fitted_on is not None:
        key["fitted_on"] = fitted_on
    text = json.dumps(key, sort_keys=True, allow_nan=False)
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return Job(digest, one.condition, label(one.engine), label(source) if source else None)
