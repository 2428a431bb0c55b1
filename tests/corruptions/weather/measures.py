"""What grows with the severity of the weather corruptions, measured from the frames before and after."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from calico.frame import Frame


def contrast(frame: Frame) -> float:
    return float(np.mean([image.std() for image in frame.images]))


def veiled_and_lost(before: Frame, after: Frame) -> float:
    """Contrast times the power that comes back from where the points were: both sensors must lose."""
    seen = np.isin(after.points[:, 4], before.points[:, 4])
    kept = after.points[seen, 3].sum() / before.points[:, 3].sum()
    return -contrast(after) / contrast(before) * float(kept)


MEASURES: dict[str, Callable[[Frame, Frame], float]] = {
    "fog": lambda before, after: -contrast(after) * after.points[:, 3].mean(),
    "rain": veiled_and_lost,
    "snowfall": veiled_and_lost,
}
