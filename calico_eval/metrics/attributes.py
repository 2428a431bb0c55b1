"""The nuScenes attribute of a box whose model predicts none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from calico.frame import Int64
from calico.taxonomy import ATTRIBUTES, DETECTION_CLASSES

MOVING_SPEED_M_S = 0.2
"""Faster than this is moving."""

_SLOW_AND_FAST: dict[str, tuple[str, str]] = {
    "car": ("vehicle.parked", "vehicle.moving"),
    "truck": ("vehicle.parked", "vehicle.moving"),
    "bus": ("vehicle.stopped", "vehicle.moving"),
    "trailer": ("vehicle.parked", "vehicle.moving"),
    "construction_vehicle": ("vehicle.parked", "vehicle.moving"),
    "pedestrian": ("pedestrian.standing", "pedestrian.moving"),
    "motorcycle": ("cycle.without_rider", "cycle.with_rider"),
    "bicycle": ("cycle.without_rider", "cycle.with_rider"),
}


def derive_attributes(boxes: npt.NDArray[np.floating], labels: Int64) -> Int64:
    """The attribute that the speed suggests, the rule of the usual nuScenes code bases.

    Above 0.2 m/s: vehicle.moving, pedestrian.moving, cycle.with_rider. At or below it (or with an unknown speed):
    vehicle.parked (bus: vehicle.stopped), pedestrian.standing, cycle.without_rider. Cones and barriers have none.

    Args:
        boxes: (M, 9), velocity in the last two columns [m/s].
        labels: (M,) index into `taxonomy.DETECTION_CLASSES`.

    Returns:
        (M,) index into `taxonomy.ATTRIBUTES`, -1 for none.
    """
    table = np.full((len(DETECTION_CLASSES), 2), -1, np.int64)
    for name, pair in _SLOW_AND_FAST.items():
        table[DETECTION_CLASSES.index(name)] = [ATTRIBUTES.index(attribute) for attribute in pair]
    velocity = np.asarray(boxes, np.float64)[:, 7:9]
    fast = np.hypot(velocity[:, 0], velocity[:, 1]) > MOVING_SPEED_M_S
    result: Int64 = table[labels, fast.astype(np.int64)]
    return result
