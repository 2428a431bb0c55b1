"""Waymo's figures by name.

With classes, ranges 0-30m, 30-50m, 50m+ and levels L1 (LEVEL_1) and L2 (LEVEL_1 and LEVEL_2):

* `AP_L1/vehicle`, `APH_L2/vehicle`, `APH_L2/vehicle/0-30m`, ...
* `mAP_L1`, `mAPH_L1`, `mAP_L2`, `mAPH_L2`: means over the classes. A class without objects counts
  0 there, as in the official tool; `mAPH_L2_present` and the like leave such classes out. A figure
  of such a class alone is undefined. It is so at LEVEL_1, too, if all of the class's objects are
  LEVEL_2. The official tool then has a number that rests on these.
* For models that only have cameras: `LET-AP/vehicle`, `LET-APH/vehicle`, `LET-APL/vehicle`, their
  ranges and `LET-mAP`, `LET-mAPH`, `LET-mAPL`, all at LEVEL_2 as in the official tool.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from calico.frame import Bool, Float64, Int64
from calico_eval.metrics.waymo.counts import RANGES_M, WaymoCounts
from calico_eval.metrics.waymo.pool import WaymoPool

RANGE_NAMES: tuple[str, ...] = ("0-30m", "30-50m", "50m+")
_LEVELS = ("L1", "L2")


@dataclass(frozen=True)
class Figure:
    """One figure: which AP it is, or which it is the mean of.

    Attributes:
        name: Its name.
        weight: Index of the weight: 0 plain, 1 heading, 2 longitudinal affinity.
        breakdowns: Indices of the breakdowns.
        level: 0 for LEVEL_1, 1 for LEVEL_2.
        skip_absent: Whether breakdowns without objects are left out of the mean.
    """

    name: str
    weight: int
    breakdowns: tuple[int, ...]
    level: int
    skip_absent: bool = True


def list_figures(classes: Sequence[str], *, tolerant: bool = False) -> tuple[Figure, ...]:
    """List the figures, the means first.

    Args:
        classes: Names of the classes, in the order of the labels.
        tolerant: Whether the counts are those of LET-3D-AP.
    """
    kinds = (
        [(f"LET-{{}}{kind}", weight, 1) for weight, kind in enumerate(("AP", "APH", "APL"))]
        if tolerant
        else [
            (f"{{}}{kind}_{level}", weight, index)
            for index, level in enumerate(_LEVELS)
            for weight, kind in enumerate(("AP", "APH"))
        ]
    )
    every = tuple(range(len(classes)))
    found = []
    for pattern, weight, level in kinds:
        name = pattern.format("m")
        found.append(Figure(name, weight, every, level, skip_absent=False))
        found.append(Figure(f"{name}_present", weight, every, level))
    for pattern, weight, level in kinds:
        for label, one in enumerate(classes):
            name = f"{pattern.format('')}/{one}"
            found.append(Figure(name, weight, (label,), level))
            first = len(classes) + len(RANGES_M) * label
            for number, within in enumerate(RANGE_NAMES):
                found.append(Figure(f"{name}/{within}", weight, (first + number,), level))
    return tuple(found)


def compute_figures(
    pool: WaymoPool, classes: Sequence[str], kept: Bool | None = None, *, tolerant: bool = False
) -> dict[str, float]:
    """Compute the figures of frames.

    Args:
        pool: The frames.
        classes: Names of the classes, in the order of the labels.
        kept: (F,) frames that count. None counts all.
        tolerant: Whether the counts are those of LET-3D-AP.

    Returns:
        Name to figure, NaN where undefined.
    """
    aps, n_gt = pool.compute_aps(kept)
    return dict(_evaluate(list_figures(classes, tolerant=tolerant), aps, n_gt))


def _evaluate(figures: Sequence[Figure], aps: Float64, n_gt: Int64) -> Iterator[tuple[str, float]]:
    for one in figures:
        rows = np.array(one.breakdowns)
        values, present = aps[one.weight, rows, one.level], n_gt[rows, one.level] > 0
        values = values[present] if one.skip_absent else np.where(present, values, 0.0)
        yield one.name, float(values.mean()) if len(values) else float("nan")


def find_support(pool: WaymoPool, figures: Sequence[Figure]) -> dict[str, Bool]:
    """Find the frames (F,) that each figure rests on: those with objects of its breakdowns.

    A mean in which absent classes count 0 rests on all frames, and is left out.

    Args:
        pool: The frames.
        figures: See `list_figures`.
    """
    present = pool.n_gt > 0
    return {
        one.name: np.any(present[:, list(one.breakdowns), one.level], axis=1)
        for one in figures
        if one.skip_absent
    }


def count_figure_objects(
    counts: Sequence[WaymoCounts], figures: Sequence[Figure]
) -> dict[str, int]:
    """Count the objects that each figure is over.

    Args:
        counts: Of the frames.
        figures: See `list_figures`.
    """
    n_gt = np.sum([one.n_gt for one in counts], axis=0)
    return {one.name: int(n_gt[list(one.breakdowns), one.level].sum()) for one in figures}


def explain_undefined(name: str) -> str | None:
    """Say why a figure is undefined; None if it is none of Waymo's.

    Args:
        name: Name of the figure.
    """
    kind, _, of = name.partition("/")
    kind = kind.removesuffix("_present")
    if kind.startswith("LET-"):
        level = "LEVEL_2"
    elif kind.endswith(("_L1", "_L2")):
        level = f"LEVEL_{kind[-1]}"
    else:
        return None
    one, _, within = of.partition("/")
    return (
        "no ground truth objects"
        + (f" of class {one}" if one else "")
        + (f" in {within}" if within else "")
        + f" at {level}"
    )
