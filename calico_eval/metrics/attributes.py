"""The attribute of a box whose model predicts none."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from calico.frame import Int64
from calico.taxonomy import Taxonomy

MOVING_SPEED_M_S = 0.2
"""Faster than this is moving."""


def derive_attributes(boxes: npt.NDArray[np.floating], labels: Int64, taxonomy: Taxonomy) -> Int64:
    """Derive attributes from the speed, by the rule of the usual nuScenes code bases.

    Above 0.2 m/s an object has the second attribute of its class (in nuScenes: vehicle.moving,
    pedestrian.moving, cycle.with_rider). At or below it, or where the speed is unknown, it has the
    first one (vehicle.parked, for a bus vehicle.stopped, pedestrian.standing, cycle.without_rider).

    Args:
        boxes: (M, 9), velocity in the last two columns [m/s].
        labels: (M,) index into the classes.
        taxonomy: Classes and attributes.

    Returns:
        (M,) index into the attributes; -1 for an object of a class without any.
    """
    table = np.array(taxonomy.default_attributes(), np.int64)
    velocity = np.asarray(boxes, np.float64)[:, 7:9]
    fast = np.hypot(velocity[:, 0], velocity[:, 1]) > MOVING_SPEED_M_S
    result: Int64 = table[labels, fast.astype(np.int64)]
    return result
