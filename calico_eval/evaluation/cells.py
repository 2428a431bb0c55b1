"""The cells of one condition: its frames go through every engine, and the answers are scored."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from calico.frame import Frame
from calico.predictions import Predictions
from calico_eval.attacks import ALGORITHMS
from calico_eval.attacks.success.counts import Count, count_new_false_boxes
from calico_eval.attacks.success.rates import success_rate
from calico_eval.engines.base import Engine, Predictor
from calico_eval.engines.predictions import PredictionFiles
from calico_eval.engines.repeat import compare_two_answers
from calico_eval.evaluate import compute_batch_stats, split_batches
from calico_eval.evaluation.applied_condition import AppliedCondition
from calico_eval.evaluation.conditions import AttackCondition, choose_predictor
from calico_eval.evaluation.inputs import EvaluationInputs
from calico_eval.evaluation.options import Steps
from calico_eval.evaluation.plan import EvaluationPlan, Job
from calico_eval.evaluation.remembered_answers import RememberedAnswers
from calico_eval.evaluation.store import RunStore
from calico_eval.evaluation.traced_jobs import choose_traced_jobs
from calico_eval.metrics.suffstats import FrameStats
from calico_eval.metrics.summary import compute_metrics
from reports.schema import Cell

ASKED_TWICE, SAME = "asked_twice", "the same answer"
"""Entry of a clean cell's details that says how two answers to one frame differ."""


@dataclass
class _Tally:
    """What was counted so far for one job."""

    predictor: Predictor
    stats: list[FrameStats] = field(default_factory=list)
    counts: list[tuple[Count, ...]] = field(default_factory=list)
    false_boxes: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class CellMeasurement:
    """What all cells of a run share while they are measured.

    Attributes:
        plan: Plan of the evaluation.
        inputs: Engines and frames.
        store: Run folder, which every finished cell is written to.
        steps: Counts the frames that are done.
        answers: What engines answered to frames that attacks start from.
    """

    plan: EvaluationPlan
    inputs: EvaluationInputs
    store: RunStore
    steps: Steps
    answers: RememberedAnswers

    def measure_cells(self, applied: AppliedCondition, jobs: Sequence[Job]) -> None:
        """Measure and store the cells of one condition.

        Each frame is changed once and given to every engine. Under an attack, every engine also
        sees the frames before it, so that successes can be counted. Files of predictions are scored
        by the labels alone.

        Args:
            applied: The condition.
            jobs: Jobs that see the same frames.
        """
        source, engines = self.inputs.source, self.inputs.by_label
        tallies = {
            job.id: _Tally(choose_predictor(engines[job.engine], applied.condition)) for job in jobs
        }
        only_files = all(_is_files(engines[job.engine]) for job in jobs)
        by_labels = only_files and not applied.condition.moves_boxes
        for batch in split_batches(self.plan.indices, self.plan.batch_size):
            if by_labels:
                before = frames = [source.annotations(index) for index in batch]
            else:
                before, frames = applied.change_pairs([source[index] for index in batch])
            for job in jobs:
                self._score_batch(applied, job, tallies[job.id], batch, before, frames)
        for job in jobs:
            tally = tallies[job.id]
            self.store.save_cell(self._make_cell(applied, job, tally), tally.stats, tally.seconds)

    def _score_batch(
        self,
        applied: AppliedCondition,
        job: Job,
        tally: _Tally,
        batch: Sequence[int],
        before: Sequence[Frame],
        frames: Sequence[Frame],
    ) -> None:
        """Score what an engine answers to a batch. before: the frames before an attack."""
        start = time.perf_counter()
        found = tally.predictor.predict(frames)
        tally.stats += compute_batch_stats(frames, found, self.plan.ranges)
        tally.seconds += time.perf_counter() - start
        self.answers.keep_answers(applied.condition, job.engine, batch, found)
        if isinstance(applied.condition, AttackCondition) and applied.success is not None:
            earlier = self._answer_before(applied.condition, job, tally.predictor, batch, before)
            for frame in zip(before, earlier, found, strict=True):
                tally.counts.append(applied.success.counts(*frame, self.plan.ranges))
                tally.false_boxes += count_new_false_boxes(*frame, self.plan.ranges)
        self.steps.count_frames(len(frames), f"{job.condition} on {job.engine}")

    def _answer_before(
        self,
        condition: AttackCondition,
        job: Job,
        predictor: Predictor,
        batch: Sequence[int],
        before: Sequence[Frame],
    ) -> list[Predictions]:
        """Return the answers to the frames before an attack, which may be known already."""
        known = self.answers.get_answers(condition.on, job.engine, batch)
        found = known or predictor.predict(before)
        self.answers.keep_answers(condition.on, job.engine, batch, found)
        return found

    def _make_cell(self, applied: AppliedCondition, job: Job, tally: _Tally) -> Cell:
        engine, log = self.inputs.by_label[job.engine], applied.log
        metrics = compute_metrics(tally.stats)
        details = {} if log is None else log.describe(applied.effects)
        # Files of predictions were made on frames that are not known here.
        effect = None if _is_files(engine) else applied.check_effect()
        if applied.success:
            details["new_false_boxes_per_frame"] = tally.false_boxes / len(tally.stats)
            scenes = [frame.scene for frame in tally.stats]
            metrics["ASR"] = success_rate(applied.success, tally.counts, scenes)
        if _looks_at_engine(job):
            details["crafted_on"] = job.source_engine
        if job.is_clean and not _is_files(engine):
            frame = self.inputs.source[self.plan.indices[0]]
            details[ASKED_TWICE] = compare_two_answers(engine, frame) or SAME
        traced = log is not None and job in choose_traced_jobs(self.plan)
        return Cell(
            id=job.id,
            model=engine.model_name,
            engine=engine.name,
            condition=job.condition.describe(),
            seed=self.plan.seed,
            metrics=metrics,
            effect=effect,
            budget=None if log is None else log.check_budgets(),
            details=details,
            traces=log.list_traces() if log is not None and traced else (),
        )


def _is_files(engine: Engine) -> bool:
    return isinstance(engine, PredictionFiles)


def _looks_at_engine(job: Job) -> bool:
    """Whether the attack looks at its source engine; controls and removal look at none."""
    return job.attack is not None and ALGORITHMS[job.attack.name].access != "nothing"
