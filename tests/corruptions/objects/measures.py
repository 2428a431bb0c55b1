"""What grows with the severity of the objects corruptions, measured from the frames before and
after.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from calico.frame import Frame
from corruptions import measure_effect


def removed(before: Frame, after: Frame) -> float:
    return measure_effect(before, after).removed_share


def moved_m(before: Frame, after: Frame) -> float:
    return measure_effect(before, after).moved_m or 0.0


def size_change(before: Frame, after: Frame) -> float:
    return float(abs(after.boxes.boxes[:, 3:6] / before.boxes.boxes[:, 3:6] - 1).max(axis=1).mean())


def turn(before: Frame, after: Frame) -> float:
    return float(abs(np.sin(after.boxes.boxes[:, 6] - before.boxes.boxes[:, 6])).mean())


MEASURES: dict[str, Callable[[Frame, Frame], float]] = {
    "object_density": removed,
    "object_cutout": removed,
    "object_echo": removed,
    "object_gaussian_noise": moved_m,
    "object_uniform_noise": moved_m,
    "object_impulse_noise": removed,
    "object_scale": size_change,
    "object_rotation": turn,
    "object_shear": size_change,
    "moving_object": moved_m,
}
