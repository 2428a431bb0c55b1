"""The cells of one condition: its frames through every engine, and what was measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from calico.data.source import FrameSource
from calico_eval.attacks import ALGORITHMS
from calico_eval.attacks.success.counts import Count, new_false_boxes
from calico_eval.attacks.success.rates import asr
from calico_eval.engines.base import Engine
from calico_eval.engines.predictions import PredictionFiles
from calico_eval.engines.repeat import compare_two_answers
from calico_eval.evaluate import batches, stats_of
from calico_eval.evaluation.applied_condition import Change
from calico_eval.evaluation.conditions import predictor
from calico_eval.evaluation.plan import EvaluationPlan, Job
from calico_eval.evaluation.remembered_answers import RememberedAnswers
from calico_eval.evaluation.store import RunStore
from calico_eval.evaluation.traced_jobs import traced
from calico_eval.metrics.suffstats import FrameStats
from calico_eval.metrics.summary import metrics_of
from reports.schema import Cell

ASKED_TWICE, SAME = "asked_twice", "the same answer"
"""In the details of a clean cell: how two answers to one frame differ."""

Progress = Callable[[int, int, str], None]
"""Is told (steps done, steps in all, what is running); a step is a frame in a cell."""


class Steps:
    """Counts frames in cells, and says how far a run is."""

    def __init__(self, progress: Progress, total: int) -> None:
        self._progress, self._total, self._done = progress, total, 0

    def advance(self, count: int, what: str) -> None:
        """Counts `count` more frames of what is running."""
        self._done += count
        self._progress(self._done, self._total, what)


def run_group(
    plan: EvaluationPlan,
    change: Change,
    jobs: Sequence[Job],
    engines: Mapping[str, Engine],
    source: FrameSource,
    store: RunStore,
    steps: Steps,
    answers: RememberedAnswers,
) -> None:
    """The cells of one condition: each frame is changed once and shown to every engine.

    Under an attack every engine also sees the frames before it, so that successes can be counted, unless
    its answer is remembered. Files of predictions are scored by the labels alone.

    Args:
        jobs: that see the same frames; each is stored as a cell when all frames are done.
        answers: shared by all groups of a run.
    """
    stats: dict[str, list[FrameStats]] = {job.id: [] for job in jobs}
    counts: dict[str, list[tuple[Count, ...]]] = {job.id: [] for job in jobs}
    seconds, false = dict.fromkeys(stats, 0.0), dict.fromkeys(stats, 0)
    predictors = {job.engine: predictor(engines[job.engine], change.condition) for job in jobs}
    by_labels = not change.condition.moves_boxes and all(
        _is_files(engines[job.engine]) for job in jobs
    )
    for batch in batches(plan.indices, plan.batch_size):
        if by_labels:
            before = frames = [source.annotations(index) for index in batch]
        else:
            before, frames = change.pairs([source[index] for index in batch])
        for job in jobs:
            engine, start = predictors[job.engine], time.perf_counter()
            found = engine.predict(frames)
            stats[job.id] += stats_of(frames, found, plan.ranges)
            seconds[job.id] += time.perf_counter() - start
            answers.keep(change.condition, job.engine, batch, found)
            if change.success:
                earlier = answers.get(change.condition.before, job.engine, batch) or engine.predict(
                    before
                )
                answers.keep(change.condition.before, job.engine, batch, earlier)
                each = list(zip(before, earlier, found, strict=True))
                counts[job.id] += [change.success.counts(*frame, plan.ranges) for frame in each]
                false[job.id] += sum(new_false_boxes(*frame, plan.ranges) for frame in each)
            steps.advance(len(frames), f"{job.condition} on {job.engine}")
    for job in jobs:
        cell = _cell(
            plan, change, job, engines[job.engine], stats[job.id], counts[job.id], false[job.id]
        )
        if change.condition.kind == "clean" and not _is_files(engines[job.engine]):
            said = compare_two_answers(engines[job.engine], source[plan.indices[0]]) or SAME
            cell = cell.model_copy(update={"details": {ASKED_TWICE: said}})
        store.save(cell, stats[job.id], seconds[job.id])


def _cell(
    plan: EvaluationPlan,
    change: Change,
    job: Job,
    engine: Engine,
    stats: Sequence[FrameStats],
    counts: Sequence[tuple[Count, ...]],
    false_boxes: int,
) -> Cell:
    """A finished cell. counts, false_boxes: of an attack, see `success.Success`, `measures.new_false_boxes`."""
    metrics, details = metrics_of(stats), change.details()
    effect = (
        None if _is_files(engine) else change.effect_check()
    )  # files were made on frames that we have not seen
    if change.success:
        details["new_false_boxes_per_frame"] = false_boxes / len(stats)
        metrics["ASR"] = asr(change.success, counts, [frame.scene for frame in stats])
    return Cell(
        id=job.id,
        model=engine.model_name,
        engine=engine.name,
        condition=job.condition.describe(),
        seed=plan.seed,
        metrics=metrics,
        effect=effect,
        budget=change.budget_check(),
        details=details | ({"crafted_on": job.crafted_on} if _looked_at(job) else {}),
        traces=change.traces() if job in traced(plan) else (),
    )


def _is_files(engine: Engine) -> bool:
    return isinstance(engine, PredictionFiles)


def _looked_at(job: Job) -> bool:
    """Whether the job's attack looks at the engine `crafted_on`: controls, removal ... look at none."""
    attack = job.condition.attack
    return attack is not None and ALGORITHMS[attack.name].access != "nothing"
