"""All figures of one cell as the records of results.json."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from calico_eval.metrics.intervals import Interval, compute_intervals, pooled_values
from calico_eval.metrics.matching import TP_ERRORS
from calico_eval.metrics.suffstats import FrameStats, collect_counts
from calico_eval.metrics.waymo.figures import (
    count_figure_objects,
    explain_undefined,
    list_figures,
)
from reports.known_metrics import Known, known_metric
from reports.schema import Metric

ROUNDING = 1e-12
"""Largest distance to a limit that counts as rounding."""
_NO_MAP = "no frame has both map masks and a predicted map"
_NO_OBJECTS = "no ground truth objects"
_MEAN_ERRORS = tuple(f"m{name}" for name in TP_ERRORS)


def compute_metrics(
    stats: Sequence[FrameStats], *, with_intervals: bool = True
) -> dict[str, Metric]:
    """Compute all figures of the pooled frames, as results.json has them.

    They are mAP, mAP_present, NDS, mATE .. mAAE, AP/<class>, mIoU, mIoU_present and IoU/<class>.
    With nuScenes' classes, mAP, NDS, the mean errors and mIoU are the official ones: a class
    without ground truth counts AP 0, error 1, IoU 0 there. The `_present` means leave such classes
    out, and their own AP or IoU is undefined. n_objects counts ground-truth objects (detection
    figures only). n_frames and n_scenes of the map's figures count frames with a map. With Waymo's
    scoring, the figures of `waymo.figures` are there, too.

    Args:
        stats: The frames in the order of the evaluation.
        with_intervals: Whether lo, hi and method are computed. Validation in a training skips them.

    Raises:
        CalicoError: There are no frames.
    """
    if with_intervals:
        found = compute_intervals(stats)
    else:
        found = {
            name: Interval(value, None, None, None, "")
            for name, value in pooled_values(stats).items()
        }
    taxonomy = stats[0].detection.taxonomy
    map_names = ("mIoU", "mIoU_present", *(f"IoU/{name}" for name in taxonomy.map_names))
    objects = dict(
        zip(
            taxonomy.names,
            np.sum([s.detection.n_gt for s in stats], axis=0).tolist(),
            strict=True,
        )
    )
    every, of_waymo = sum(objects.values()), _count_waymo_objects(stats)
    metrics = {}
    for name, interval in found.items():
        if name in map_names:
            counted, n_objects = [s for s in stats if s.segmentation is not None], None
        else:
            counted, n_objects = (
                list(stats),
                of_waymo.get(name, objects.get(name.removeprefix("AP/"), every)),
            )
        metrics[name] = _metric(name, interval, counted, n_objects)
    for name in map_names:
        if name not in metrics:
            metrics[name] = Metric(value=None, reason=_NO_MAP, n_frames=0, n_scenes=0)
    return metrics


def _count_waymo_objects(stats: Sequence[FrameStats]) -> dict[str, int]:
    """Count the objects of each of Waymo's figures."""
    found: dict[str, int] = {}
    for tolerant, counts in zip((False, True), collect_counts(stats), strict=True):
        if counts is not None:
            names = stats[0].detection.taxonomy.names
            found |= count_figure_objects(counts, list_figures(names, tolerant=tolerant))
    return found


def _metric(
    name: str, interval: Interval, counted: Sequence[FrameStats], n_objects: int | None
) -> Metric:
    known = known_metric(name)
    if known is None:
        raise ValueError(f"{name}: no unit, direction and limits in reports.known_metrics")
    defined = not np.isnan(interval.value)
    lo, hi = clip_interval(known, interval)
    return Metric(
        value=clip_rounding(known, interval.value) if defined else None,
        lo=lo,
        hi=hi,
        method=interval.method or None,
        reason=None if defined else _reason(name),
        n_frames=len(counted),
        n_scenes=len({s.scene for s in counted}),
        n_objects=n_objects,
        higher_is_better=known.higher_is_better,
        unit=known.unit,
    )


def clip_interval(known: Known, interval: Interval) -> tuple[float | None, float | None]:
    """Clip the ends of an interval at what the figure can be.

    Args:
        known: Limits of the figure.
        interval: The figure with its interval.
    """
    if interval.lo is None or interval.hi is None:
        return None, None
    return max(interval.lo, known.lowest), min(interval.hi, known.highest)


def clip_rounding(known: Known, value: float) -> float:
    """Clip a figure that rounding moved past its limit, e.g. 1.0000000000000004 to 1.

    Args:
        known: Limits of the figure.
        value: The figure. A value further outside stays, so that a fault is not hidden.
    """
    for limit in (known.lowest, known.highest):
        if abs(value - limit) <= ROUNDING:
            return limit
    return value


def _reason(name: str) -> str:
    if (why := explain_undefined(name)) is not None:
        return why
    kind, _, of = name.partition("/")
    if kind in ("IoU", "mIoU_present"):
        return (
            f"no map cells of class {of} in the ground truth"
            if of
            else "no map cells in the ground truth"
        )
    if name in _MEAN_ERRORS:
        return "no class of the taxonomy defines this error"
    return f"{_NO_OBJECTS} of class {of}" if of else _NO_OBJECTS
