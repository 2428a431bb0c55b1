"""What grows with the severity of the weather corruptions, measured from the frames before and after."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from calico.frame import Frame


def contrast(frame: Frame) -> float:
    return float(np.mean([image.std() for image in frame.images]))


MEASURES: dict[str, Callable[[Frame, Frame], float]] = {
    "fog": lambda before, after: -contrast(after) * after.points[:, 3].mean(),
}
