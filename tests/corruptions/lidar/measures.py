"""What grows with the severity of the lidar corruptions, measured from the frames before and after."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from calico.frame import Frame
from corruptions import effect

MEASURES: dict[str, Callable[[Frame, Frame], float]] = {
    "point_drop": lambda before, after: effect(before, after).removed_share,
    "beam_missing": lambda before, after: -len(np.unique(after.ring)),
    "crosstalk": lambda before, after: effect(before, after).added_share,
    "lidar_missing": lambda before, after: -len(after.points),
}
