"""What is known of the numbers in results.json by their names.

This is their unit, direction, and the values that they can have. The metrics are those of
`calico_eval.metrics.summary` and the attack success rate, the aggregates those of
`calico_eval.metrics.robustness`. A true positive lies within 2 m of its object, so that mATE ends
there. An orientation is off by pi at most.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Known:
    """What a number of a known name must be.

    Attributes:
        unit: Its unit.
        higher_is_better: Its direction.
        lowest: Lowest value, included.
        highest: Highest value, included.
        whole_run: Whether it is made from all frames of the run. A map's is made from those with a
            map.
    """

    unit: str
    higher_is_better: bool
    lowest: float
    highest: float
    whole_run: bool = True


_SCORE = Known("fraction", True, 0.0, 1.0)
_MAP_SCORE = Known("fraction", True, 0.0, 1.0, whole_run=False)
_METRICS = {
    "mAP": _SCORE,
    "mAP_present": _SCORE,
    "NDS": _SCORE,
    "mIoU": _MAP_SCORE,
    "mIoU_present": _MAP_SCORE,
    "ASR": Known("fraction", False, 0.0, 1.0),
    "mATE": Known("m", False, 0.0, 2.0),
    "mASE": Known("fraction", False, 0.0, 1.0),
    "mAOE": Known("rad", False, 0.0, math.pi),
    "mAVE": Known("m/s", False, 0.0, math.inf),
    "mAAE": Known("fraction", False, 0.0, 1.0),
}
_WAYMO = ("AP_L1", "APH_L1", "AP_L2", "APH_L2")
_TOLERANT = ("AP", "APH", "APL")
_METRICS |= {
    f"{mean}{suffix}": _SCORE
    for mean in (*(f"m{kind}" for kind in _WAYMO), *(f"LET-m{kind}" for kind in _TOLERANT))
    for suffix in ("", "_present")
}
_FAMILIES = {"AP": _SCORE, "IoU": _MAP_SCORE} | dict.fromkeys(
    (*_WAYMO, *(f"LET-{kind}" for kind in _TOLERANT)), _SCORE
)
"""Metrics by class: 'AP/<class>', and Waymo's by class and range: 'APH_L2/<class>/<range>'."""
AGGREGATES = {
    "mPC": Known("fraction", True, 0.0, 1.0),
    "mRR": Known("fraction", True, 0.0, math.inf),
    "RCE": Known("fraction", False, -math.inf, 1.0),
    "mCE": Known("fraction", False, 0.0, math.inf),
    "mRRA": Known("fraction", True, -1.0, math.inf),
}
UNITS = {
    "fraction": (0.0, 1.0),
    "m": (0.0, math.inf),
    "m/s": (0.0, math.inf),
    "rad": (0.0, math.pi),
}
"""Units of metrics, and the values that a metric of an unknown name may have in each."""
MEAN_ERRORS = ("mATE", "mASE", "mAOE", "mAVE", "mAAE")


def known_metric(name: str) -> Known | None:
    """Look up what is known of a metric of cells, or None for an unknown name."""
    family, slash, _ = name.partition("/")
    return _FAMILIES.get(family) if slash else _METRICS.get(name)


def known_aggregate(name: str) -> Known | None:
    """Look up what is known of '<metric>/<aggregate>', or None for an unknown aggregate."""
    return AGGREGATES.get(name.rpartition("/")[2])


def limits_of(name: str, unit: str, *, aggregate: bool = False) -> tuple[float, float]:
    """Return the lowest and highest value that a number can have, by its name, else by its unit.

    Args:
        name: Name of the metric or aggregate.
        unit: Its unit.
        aggregate: Whether it is an aggregate.
    """
    known = known_aggregate(name) if aggregate else known_metric(name)
    if known is not None:
        return known.lowest, known.highest
    return UNITS.get(unit, (-math.inf, math.inf))
