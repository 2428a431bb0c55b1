"""Whether results.json can be true: ranges, order, counts, uniqueness, agreement of its parts.

The schema says what type a value has, and this module says what it can be. Every reader goes
through it (`results_file.read_results`), so that no report shows a mAP of 3200 % and no gate passes
one. Its time grows with the size of the file and no faster.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from itertools import islice
from pathlib import PurePosixPath, PureWindowsPath

from reports import formatting
from reports.conditions import condition_key
from reports.contradictions import find_contradictions
from reports.errors import ReportError
from reports.known_metrics import (
    MEAN_ERRORS,
    UNITS,
    Known,
    known_aggregate,
    known_metric,
    limits_of,
)
from reports.schema import Cell, Condition, Metric, Provenance, Results

SLACK = 1e-9
"""Slack of comparisons: a mean of ones may be 1.0000000000000002."""
MOST_OBJECTS_PER_FRAME = 10_000_000
"""Most objects in a frame.

Trials of an attack on a map are counted in cells of the map. Objects are far fewer.
"""
OF_ALL_OBJECTS = ("mAP", "mAP_present", "NDS", *MEAN_ERRORS)
"""Means over all objects of the frames."""
MAX_FAULTS = 20


def check_meaning(results: Results, source: str) -> None:
    """Refuse results that cannot be true.

    Args:
        results: As they were read, or are about to be written.
        source: Name of the file for the message.

    Raises:
        ReportError: It names the first faults, each with its cell and field, what was got and what
            was expected.
    """
    faults = list(islice(find_faults(results), MAX_FAULTS + 1))
    if faults:
        shown = [f"  {fault}" for fault in faults[:MAX_FAULTS]]
        more = ["  ... and more"] if len(faults) > MAX_FAULTS else []
        count = (
            f"{len(shown)}{' or more' if more else ''} {'fault' if len(shown) == 1 else 'faults'}"
        )
        raise ReportError("\n".join([f"{source}: says what cannot be; {count}", *shown, *more]))


def find_faults(results: Results) -> Iterator[str]:
    """Yield all faults, one line each: where, what was got, what was expected."""
    origin = results.provenance
    if origin.n_scenes > origin.n_frames:
        yield (
            f"provenance.n_scenes: is {origin.n_scenes}, expected at most n_frames, "
            f"{origin.n_frames}"
        )
    yield from _repeated([model.name for model in results.models], "models", "name")
    yield from _repeated([cell.id for cell in results.cells], "cells", "id")
    yield from _repeated(
        [(c.model, c.engine, c.seed, *condition_key(c.condition)) for c in results.cells],
        "cells",
        "model, engine, condition and seed",
    )
    yield from _repeated(
        [
            (c.model, c.engine, c.seed, c.condition.name, c.condition.severity)
            if c.condition.kind == "corruption"
            else (number,)
            for number, c in enumerate(results.cells)
        ],
        "cells",
        "model, engine, seed, corruption and severity",
    )
    models = {model.name for model in results.models}
    for number, cell in enumerate(results.cells):
        where = (
            f"cells.{number} ({cell.model}/{cell.engine}, "
            f"{formatting.format_condition(cell.condition)})"
        )
        if cell.model not in models:
            yield f"{where}.model: {cell.model!r} is not among the models"
        yield from (f"{where}.condition.{fault}" for fault in _condition_faults(cell.condition))
        yield from _cell_faults(where, cell, results)
    yield from _other_faults(results)
    yield from _summary_faults(results)
    yield from find_contradictions(results)


def _repeated(keys: list[Hashable], where: str, what: str) -> Iterator[str]:
    seen: dict[Hashable, int] = {}
    for number, key in enumerate(keys):
        first = seen.setdefault(key, number)
        if first != number:
            yield (
                f"{where}.{number}: has the same {what} as {where}.{first}; each may be there once"
            )


def _cell_faults(where: str, cell: Cell, results: Results) -> Iterator[str]:
    for name, metric in cell.metrics.items():
        at, known = f"{where}.metrics.{name}", known_metric(name)
        yield from _known_faults(at, name, metric, known)
        yield from _value_faults(
            at, metric, limits_of(name, metric.unit), _upper_end(results, name)
        )
        yield from _count_faults(
            at, metric, results.provenance, whole_run=known is not None and known.whole_run
        )
    objects = {n: m.n_objects for n, m in cell.metrics.items() if m.n_objects is not None}
    by_class = sum(count for name, count in objects.items() if name.startswith("AP/"))
    whole = {name: objects[name] for name in OF_ALL_OBJECTS if name in objects}
    if len(set(whole.values())) > 1:
        said = ", ".join(f"{name} {count}" for name, count in whole.items())
        yield f"{where}.metrics: n_objects differ between means over the same objects ({said})"
    if "mAP" in objects and by_class > objects["mAP"]:
        yield (
            f"{where}.metrics.mAP.n_objects: is {objects['mAP']}, expected at least the {by_class} "
            f"of all AP/<class>"
        )


def _upper_end(results: Results, name: str) -> bool:
    """Say whether intervals of the metric end at its highest value.

    Those of mean errors do not in files before 1.3.
    """
    return name not in MEAN_ERRORS or results.schema_version not in ("1.0", "1.1", "1.2")


def _known_faults(where: str, name: str, metric: Metric, known: Known | None) -> Iterator[str]:
    if known is None:
        if metric.unit not in UNITS:
            yield f"{where}.unit: is {metric.unit!r}, expected one of {', '.join(UNITS)}"
        return
    if metric.unit != known.unit:
        yield f"{where}.unit: is {metric.unit!r}, expected {known.unit!r} for {name}"
    if metric.higher_is_better is not known.higher_is_better:
        got, wanted = (
            str(flag).lower() for flag in (metric.higher_is_better, known.higher_is_better)
        )
        yield f"{where}.higher_is_better: is {got}, expected {wanted} for {name}"


def _value_faults(
    where: str, metric: Metric, limits: tuple[float, float], upper_end: bool = True
) -> Iterator[str]:
    low, high = limits
    for field in ("value", "lo", "hi"):
        number = getattr(metric, field)
        highest = high if upper_end or field == "value" else math.inf
        if number is not None and not low - SLACK <= number <= highest + SLACK:
            yield f"{where}.{field}: is {number:g}, expected {_said(low, highest)}"
    value, lo, hi = metric.value, metric.lo, metric.hi
    if (lo is None) is not (hi is None):
        yield (
            f"{where}: has {'hi' if lo is None else 'lo'} alone, expected both ends of the "
            f"interval or none"
        )
    elif lo is not None and hi is not None:
        slack = SLACK * max(1.0, abs(lo), abs(hi))
        if value is None:
            yield f"{where}.lo: is {lo:g}, expected null, for the value is null"
        elif lo > hi + slack:
            yield f"{where}.lo: is {lo:g}, expected at most hi, {hi:g}"
        elif not lo - slack <= value <= hi + slack:
            yield f"{where}.value: is {value:g}, expected within its interval, {lo:g} to {hi:g}"


def _said(low: float, high: float) -> str:
    if math.isinf(low) and math.isinf(high):
        return "a finite number"
    if math.isinf(high):
        return f"{low:g} or more"
    return f"{high:g} or less" if math.isinf(low) else f"{low:g} to {high:.6g}"


def _count_faults(
    where: str, metric: Metric, origin: Provenance, *, whole_run: bool
) -> Iterator[str]:
    for field, ran in (("n_frames", origin.n_frames), ("n_scenes", origin.n_scenes)):
        count = getattr(metric, field)
        if count > ran:
            yield f"{where}.{field}: is {count}, expected at most the {ran} of the run"
        elif whole_run and count != ran:
            yield f"{where}.{field}: is {count}, expected the {ran} of the run"
        elif metric.value is not None and count == 0:
            yield f"{where}.{field}: is 0, expected 1 or more, for there is a value"
    if metric.n_scenes > metric.n_frames or (metric.n_scenes == 0) is not (metric.n_frames == 0):
        yield (
            f"{where}.n_scenes: is {metric.n_scenes}, which does not fit n_frames, "
            f"{metric.n_frames}"
        )
    if metric.n_objects is not None and metric.n_objects > metric.n_frames * MOST_OBJECTS_PER_FRAME:
        yield (
            f"{where}.n_objects: is {metric.n_objects}, more than {metric.n_frames} frames can hold"
        )


def _condition_faults(condition: Condition) -> Iterator[str]:
    kind, severity = condition.kind, condition.severity
    if (condition.name == "clean") is not (kind == "clean"):
        yield (
            f"name: is {condition.name!r} with kind {kind!r}; 'clean' is the name of the clean "
            f"condition, and of no other"
        )
    if kind == "clean" and (condition.parameters or condition.sensors):
        yield "parameters: expected none, and no sensors: clean frames are not changed"
    on_corrupted = kind == "attack" and "+" in condition.name
    if kind == "corruption" and severity == 0:
        yield "severity: is 0, expected 1 to 5 for a corruption"
    if severity and kind != "corruption" and not on_corrupted:
        yield f"severity: is {severity}, expected 0 with kind {kind!r}"
    if condition.control and kind != "attack":
        yield f"control: is true, expected false with kind {kind!r}"
    axis = condition.axis
    if (
        axis is not None and kind != "attack" and condition.parameters.get(axis) is None
    ):  # attacks leave out a budget of 0
        yield (
            f"axis: is {axis!r}, which is not among the parameters "
            f"({', '.join(condition.parameters) or 'none'})"
        )
    if kind == "curve" and not isinstance(condition.parameters.get(axis or ""), (int, float)):
        yield "axis: expected the name of a parameter that is a number, with kind 'curve'"
    yield from _repeated(list(condition.sensors), "sensors", "name")


def _other_faults(results: Results) -> Iterator[str]:
    """Yield the faults of the sanity verdict and the pictures."""
    ran = {(cell.model, cell.engine) for cell in results.cells}
    keys: list[Hashable] = [(check.model, check.engine, check.id) for check in results.sanity]
    yield from _repeated(keys, "sanity", "model, engine and id")
    for number, check in enumerate(results.sanity):
        if (check.model, check.engine) not in ran:
            yield (
                f"sanity.{number} ({check.id}): {check.model}/{check.engine} has no cell in this "
                f"file"
            )
    for number, picture in enumerate(results.pictures):
        windows, path = PureWindowsPath(picture.path), PurePosixPath(picture.path)
        if (
            windows.is_absolute()
            or windows.drive
            or path.is_absolute()
            or ".." in windows.parts
            or not windows.parts
        ):
            yield (
                f"pictures.{number}.path: is {picture.path!r}, expected a path within the run "
                f"folder"
            )
        yield from (
            f"pictures.{number}.condition.{fault}" for fault in _condition_faults(picture.condition)
        )


def _summary_faults(results: Results) -> Iterator[str]:
    for label, aggregates in results.summary.items():
        for name, metric in aggregates.items():
            where, known = f"summary.{label}.{name}", known_aggregate(name)
            if known is None:
                yield (
                    f"{where}: unknown aggregate; expected <metric>/ and mPC, mRR, RCE, mCE or mRRA"
                )
                continue
            yield from _known_faults(where, name, metric, known)
            yield from _value_faults(where, metric, limits_of(name, metric.unit, aggregate=True))
            yield from _count_faults(where, metric, results.provenance, whole_run=False)
