"""Success rates of attacks, from a model's predictions before and after the attack.

They hold for any engine, and for controls. Every measure (`counts`) counts trials and successes of
each frame. The rate is the ratio of the sums over frames.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from calico.frame import Frame
from calico.predictions import Predictions
from calico_eval.attacks.success.counts import (
    Count,
    Measure,
    count_created,
    count_created_at_target,
    count_flipped,
    count_hidden,
    count_map_created,
    count_map_erased,
    count_moved,
)
from calico_eval.engines.base import MODEL_LOSS
from calico_eval.metrics.intervals import ratio_interval
from calico_eval.metrics.summary import clip_interval
from reports.known_metrics import known_metric
from reports.schema import Metric


@dataclass(frozen=True)
class Success:
    """What counts as a success of an objective.

    Attributes:
        parts: Measures, each a rate of its own. The success rate is the plain mean of those that
            had trials.
        text: What counts, in words.
        trials: What one trial is, in words, for the message when no trial took place.
    """

    parts: tuple[Measure, ...]
    text: str
    trials: str

    def counts(
        self, frame: Frame, before: Predictions, after: Predictions, ranges: Mapping[str, float]
    ) -> tuple[Count, ...]:
        """Count (successes, trials) of one frame, for each part.

        Args:
            frame: The frame with its ground truth.
            before: Predictions before the attack.
            after: Predictions after it.
            ranges: Range of each class [m].
        """
        return tuple(part(frame, before, after, ranges) for part in self.parts)


HIDDEN = Success(
    (count_hidden,),
    "objects found before the attack that are not found any more",
    "objects found before the attack",
)
CREATED = Success((count_created,), "frames with a new box that belongs to no object", "frames")
CREATED_AT_TARGET = Success(
    (count_created_at_target,),
    "frames with a new car at the target",
    "frames with a free place for a false car",
)
MOVED = Success(
    (count_moved,), "objects found before that are now found more than 2 m off, or with a 3D IoU "
                    "fallen below 0.5",
    "objects found before the attack",
)  # fmt: skip
FLIPPED = Success(
    (count_flipped,),
    "objects found before whose best box within 2 m is now of another class",
    "objects found before the attack",
)
MAP_ERASED = Success(
    (count_map_erased,),
    "true map cells predicted before the attack that are not any more",
    "true map cells predicted before",
)
MAP_CREATED = Success(
    (count_map_created,),
    "map cells rightly left out before the attack that are predicted now",
    "map cells rightly left out before",
)
MAP_WRONG = Success(
    (count_map_erased, count_map_created), "the mean of the two map rates: true cells lost, false "
                                           "cells gained",
    "map cells that were right before the attack",
)  # fmt: skip
ALL = Success(
    (count_hidden, count_map_erased, count_map_created), "the mean of three rates: objects hidden, "
                                                         "true map cells lost, false ones gained",
    "objects found or map cells right before the attack",
)  # fmt: skip

SUCCESS_OF: dict[str, Success] = {
    "hide": HIDDEN,
    "det": HIDDEN,
    "create": CREATED,
    "create_at": CREATED_AT_TARGET,
    "loc": MOVED,
    "flip": FLIPPED,
    "score": HIDDEN,
    "map_erase": MAP_ERASED,
    "map_create": MAP_CREATED,
    "seg": MAP_WRONG,
    "multi": ALL,
    "feat": ALL,
    MODEL_LOSS: HIDDEN,
}
"""What counts as a success of each objective. Its keys are the names of all objectives."""


def success_rate(
    success: Success, counts: Sequence[Sequence[Count]], scenes: Sequence[str]
) -> Metric:
    """Compute the success rate over frames, with its interval over scenes.

    It is null with a reason if no trial took place.

    Args:
        success: What counts.
        counts: `Success.counts` of every frame.
        scenes: Scene of every frame.
    """
    table = np.array(counts, np.int64).reshape(len(counts), len(success.parts), 2)
    found = ratio_interval(table, scenes)
    defined = not np.isnan(found.value)
    known = known_metric("ASR")
    assert known is not None
    lo, hi = clip_interval(known, found)
    return Metric(
        value=found.value if defined else None,
        lo=lo,
        hi=hi,
        method=found.method,
        reason=None if defined else f"no {success.trials}",
        n_frames=len(counts),
        n_scenes=len(set(scenes)),
        n_objects=int(table[..., 1].sum()),
        higher_is_better=known.higher_is_better,
    )
