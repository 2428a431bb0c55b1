"""What engines answered of the frames that attacks start from, so that no attack asks for it again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import fields

import numpy as np

from calico.predictions import Predictions
from calico_eval.evaluation.conditions import ConditionSpec
from calico_eval.evaluation.plan import Job

LIMIT_BYTES = 512 * 1024 * 1024
"""What does not fit in is asked again."""

Key = tuple[ConditionSpec, str, int]
"""Condition, label of the engine, first frame of the batch."""


class RememberedAnswers:
    """Answers by batch, kept in the order in which they come while there is room.

    Args:
        jobs: of the plan; only what their attacks start from is kept.
    """

    def __init__(self, jobs: Collection[Job], limit_bytes: int = LIMIT_BYTES) -> None:
        self._wanted = {
            (job.condition.before, job.engine) for job in jobs if job.condition.attack is not None
        }
        self._found: dict[Key, list[Predictions]] = {}
        self._room = limit_bytes

    def keep(
        self, condition: ConditionSpec, engine: str, batch: Sequence[int], found: list[Predictions]
    ) -> None:
        """Keeps the answers of a batch under a condition, where an attack starts from it."""
        key = condition, engine, batch[0]
        if (condition, engine) not in self._wanted or key in self._found:
            return
        size = sum(_count_bytes(one) for one in found)
        if size <= self._room:
            self._room -= size
            self._found[key] = found

    def get(
        self, condition: ConditionSpec, engine: str, batch: Sequence[int]
    ) -> list[Predictions] | None:
        """The answers of a batch, where they are kept."""
        return self._found.get((condition, engine, batch[0]))


def _count_bytes(predictions: Predictions) -> int:
    values = (getattr(predictions, field.name) for field in fields(predictions))
    return sum(value.nbytes for value in values if isinstance(value, np.ndarray))
