"""What an evaluation will do, fixed before it starts: its cells, each with an id that hashes all that its result depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from calico.data.applicable import check_applicable, select_applicable
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico_eval.attacks import AttackSpec
from calico_eval.engines.base import Engine, check_cameras, check_labels, check_taxonomy, label
from calico_eval.engines.predictions import PredictionFiles
from calico_eval.evaluation.assignments import Shown, shown
from calico_eval.evaluation.conditions import CLEAN, ConditionSpec
from calico_eval.evaluation.curve_request import CurveRequest
from calico_eval.evaluation.universal_attacks import fit_key, scenes_of
from corruptions import SUITE_VERSION
from corruptions.preset import Level
from corruptions.presets import choose_levels


@dataclass(frozen=True)
class Job:
    """One cell to be: a condition on an engine.

    engine: its label. crafted_on: for an attack, the label of the engine that it looks at.
    """

    id: str
    condition: ConditionSpec
    engine: str
    crafted_on: str | None = None


@dataclass(frozen=True)
class EvaluationPlan:
    """All of an evaluation but the engines and the frames themselves.

    jobs: in the order of the report. indices: frames of the source. ranges: class name to range [m].
    baseline: label of the engine that mCE and RRA compare the others with, or None. curves: the curves among the jobs.
    notes: what was left out, and why. data_hash: of the frames, or of their labels where nothing else is looked at.
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
    engines: Sequence[Engine],
    source: FrameSource,
    *,
    ranges: Mapping[str, float],
    corruptions: Sequence[str] = (),
    severities: Sequence[int] = (),
    curves: Sequence[CurveRequest] = (),
    attacks: Sequence[AttackSpec] = (),
    cross: bool = False,
    attack_only: Collection[str] = (),
    transfer_from: Collection[str] = (),
    indices: Sequence[int] | None = None,
    fit_source: FrameSource | None = None,
    seed: int = 0,
    batch_size: int = 4,
    baseline: str | None = None,
) -> EvaluationPlan:
    """Every engine on the clean frames, on every corruption and severity, every point of a curve, and every attack.

    What an attack looks at is said in `crafting.shown`.

    Args:
        engines: the first is the main subject of the report.
        corruptions: names, several joined by '+', or presets. severities: only these levels; default: all that they have
            (the aggregates need the same ones of every corruption).
        curves: curves over a corruption's parameter, which are in no aggregate.
        cross: also every attack on every corrupted frame.
        attack_only: labels of engines that are there for the attacks: they get no corruptions.
        transfer_from: labels of torch engines whose attacks are also shown to the engines of other models, as transfer attacks.
        indices: which frames; default: all.
        fit_source: frames that universal attacks are learnt on, e.g. the training split; scenes that are evaluated are left out.

    Raises:
        CalicoError: nothing to run, two engines of one name, an unknown baseline, two curves of one corruption, a corruption
            that can do nothing to the data, attacks without a torch engine or on a sensor or head that every model lacks (what
            only some lack is left out with a note), a condition that a folder of predictions lacks, a universal attack without
            frames to fit on.
        CorruptionError: an unknown corruption or severity.
    """
    _check_engines(engines, attack_only, baseline)
    check_cameras(engines, source)
    check_taxonomy(engines, source)
    chosen = tuple(range(len(source)) if indices is None else indices)
    if not engines or not chosen:
        raise CalicoError(
            f"data {source.name}: nothing to run ({len(engines)} engines, {len(chosen)} frames)"
        )
    _check_curves(curves, engines, source, chosen, seed)
    conditions = [CLEAN]
    corrupted, notes = _choose_corruptions(corruptions, severities, engines, source, chosen, seed)
    conditions += [ConditionSpec.corruption(c.name, c.severity, c.value) for c in corrupted]
    conditions += [point for curve in curves for point in curve.points]
    conditions += [ConditionSpec.of_attack(attack) for attack in attacks]
    if cross:
        conditions += [
            ConditionSpec.of_attack(attack, on)
            for on in conditions
            if on.kind == "corruption"
            for attack in attacks
        ]
    by_labels = _are_files(engines) and not any(condition.moves_boxes for condition in conditions)
    data_hash = source.labels_hash() if by_labels else source.content_hash()
    common = _common(data_hash, source, chosen, ranges, seed, batch_size)
    evaluated = scenes_of(source, chosen)
    fits = {condition: fit_key(condition, fit_source, evaluated) for condition in conditions}
    jobs = []
    for condition in dict.fromkeys(conditions):
        found, left_out = shown(condition, engines, attack_only, transfer_from)
        notes += left_out
        jobs += [_job(one, common, fits[condition]) for one in found]
    return EvaluationPlan(
        tuple(jobs),
        chosen,
        dict(ranges),
        seed,
        batch_size,
        baseline,
        tuple(curves),
        notes,
        data_hash,
    )


def _check_engines(
    engines: Sequence[Engine], attack_only: Collection[str], baseline: str | None
) -> None:
    check_labels(engines)
    labels = [label(engine) for engine in engines]
    for name in [*attack_only, *([baseline] if baseline else [])]:
        if name not in labels:
            raise CalicoError(
                f"engine '{name}' is not in this run; expected one of {', '.join(labels)}"
            )
    if baseline in attack_only:
        raise CalicoError(
            f"baseline '{baseline}' is there for the attacks and gets no corruptions to compare with; expected another engine"
        )


def _choose_corruptions(
    names: Sequence[str],
    severities: Sequence[int],
    engines: Sequence[Engine],
    source: FrameSource,
    indices: Sequence[int],
    seed: int,
) -> tuple[tuple[Level, ...], tuple[str, ...]]:
    """The conditions, and notes of what was left out (`select_applicable`).

    Where there are only files of predictions and each has all of the conditions, no frame is looked at.
    """
    if names and _are_files(engines):
        wanted = choose_levels(names, severities)
        if all(
            engine.has(one.file_stem)
            for one in wanted
            for engine in engines
            if isinstance(engine, PredictionFiles)
        ):
            return wanted, ()
    return select_applicable(names, severities, source, indices, seed)


def _are_files(engines: Sequence[Engine]) -> bool:
    return all(isinstance(engine, PredictionFiles) for engine in engines)


def _check_curves(
    curves: Sequence[CurveRequest],
    engines: Sequence[Engine],
    source: FrameSource,
    indices: Sequence[int],
    seed: int,
) -> None:
    names = [curve.name for curve in curves]
    if len(set(names)) < len(names):
        raise CalicoError(
            f"{max(names, key=names.count)} has two curves; give all of its values in one --curve"
        )
    if _are_files(engines):  # whether there is one for each point is found out without the frames
        return
    check_applicable(
        [Level(curve.name, 0, value) for curve in curves for value in curve.values],
        source,
        indices,
        seed,
    )


def _common(
    data_hash: str,
    source: FrameSource,
    indices: Sequence[int],
    ranges: Mapping[str, float],
    seed: int,
    batch_size: int,
) -> dict[str, object]:
    """What all cells of a plan depend on."""
    return {
        "data": data_hash,
        "frames": [source.info(index).token for index in indices],
        "ranges": dict(ranges),
        "seed": seed,
        "batch_size": batch_size,  # convolutions round differently in batches of other sizes
        "suite": SUITE_VERSION,
    }


def _job(
    shown_to: Shown, common: Mapping[str, object], fitted_on: Mapping[str, object] | None
) -> Job:
    condition, engine, crafted_on = shown_to.condition, shown_to.engine, shown_to.crafted_on
    described = condition.describe().model_dump(mode="json")
    if described["kind"] == "curve":  # the name of before, so that cells of before keep their id
        described["kind"] = "sweep"
    key = {
        **common,
        "condition": described,
        "engine": label(engine),
        "weights": engine.sha256,
        "crafted_on": [label(crafted_on), crafted_on.sha256] if crafted_on else None,
    }
    if fitted_on is not None:
        key["fitted_on"] = fitted_on
    digest = hashlib.sha256(json.dumps(key, sort_keys=True, allow_nan=False).encode()).hexdigest()[
        :16
    ]
    return Job(digest, condition, label(engine), label(crafted_on) if crafted_on else None)
