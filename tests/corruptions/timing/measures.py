"""What grows with the severity of the timing corruptions, measured from the frames before and
after.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from calico.frame import Frame


def frames_late(before: Frame, after: Frame) -> float:
    """How many frames ago all cameras saw what they show; raises where they never did."""
    past, count = before, 0
    while not all(np.array_equal(a, b) for a, b in zip(past.images, after.images, strict=True)):
        assert past.previous is not None
        older = past.previous()
        assert older is not None
        past, count = older, count + 1
    return float(count)


MEASURES: dict[str, Callable[[Frame, Frame], float]] = {
    "temporal_offset": frames_late,
    "sweep_dropout": lambda before, after: -np.count_nonzero(after.sweep_index),
    "burst_loss": lambda before, after: float(
        len(after.points) == 0 and not any(i.any() for i in after.images)
    ),
}
SEEDLESS = {
    "temporal_offset",
    "sweep_dropout",
}  # at severity 5 all older sweeps are lost, nothing is left to chance
