"""The answers of engines to the frames that attacks start from, so that no attack asks again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields

import numpy as np

from calico.predictions import Predictions
from calico_eval.evaluation.conditions import AnyCondition, AttackCondition
from calico_eval.evaluation.plan import Job

LIMIT_BYTES = 512 * 1024 * 1024
"""Most memory that answers take. Engines are asked again for what does not fit in."""

Key = tuple[AnyCondition, str, int]
"""Condition, label of the engine, first frame of the batch."""


class RememberedAnswers:
    """Answers by batch, kept in the order in which they come, until the limit is reached."""

    def __init__(self, jobs: Collection[Job], limit_bytes: int = LIMIT_BYTES) -> None:
        """Keep nothing yet.

        Args:
            jobs: Jobs of the plan. Only answers to frames that their attacks start from are kept.
            limit_bytes: Most memory that the answers take.
        """
        self._wanted = {
            (job.condition.on, job.engine)
            for job in jobs
            if isinstance(job.condition, AttackCondition)
        }
        self._found: dict[Key, list[Predictions]] = {}
        self._free_bytes = limit_bytes

    def keep_answers(
        self, condition: AnyCondition, engine: str, batch: Sequence[int], found: list[Predictions]
    ) -> None:
        """Keep the answers to a batch under a condition, if an attack starts from it.

        Args:
            condition: Condition of the frames.
            engine: Label of the engine.
            batch: Indices of the frames.
            found: What the engine answered.
        """
        key = condition, engine, batch[0]
        if (condition, engine) not in self._wanted or key in self._found:
            return
        size = sum(_count_bytes(one) for one in found)
        if size <= self._free_bytes:
            self._free_bytes -= size
            self._found[key] = found

    def get_answers(
        self, condition: AnyCondition, engine: str, batch: Sequence[int]
    ) -> list[Predictions] | None:
        """Return the answers to a batch, or None if they are not kept.

        Args:
            condition: Condition of the frames.
            engine: Label of the engine.
            batch: Indices of the frames.
        """
        return self._found.get((condition, engine, batch[0]))


def _count_bytes(predictions: Predictions) -> int:
    values = (getattr(predictions, field.name) for field in fields(predictions))
    return sum(value.nbytes for value in values if isinstance(value, np.ndarray))
