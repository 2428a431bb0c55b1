"""When two results must not be compared, and by how much one number is worse than another."""

from __future__ import annotations

from reports import formatting
from reports.conditions import condition_key
from reports.results_view import ResultsView, Series
from reports.schema import Cell, Condition, Metric, Results

_AGAINST = "; baseline "
"""Text before the label of the engine that an aggregate compares with, in its method."""


def list_differences(results: Results, baseline: Results) -> tuple[str, ...]:
    """List why two files as a whole are not comparable: data, suite version, schema.

    Args:
        results: The run.
        baseline: The earlier run.

    Returns:
        The reasons. Empty when the files are comparable.
    """
    ours, theirs = results.provenance, baseline.provenance
    pairs = (
        (
            "schema version (major)",
            results.schema_version.split(".")[0],
            baseline.schema_version.split(".")[0],
        ),
        ("suite version", ours.suite_version, theirs.suite_version),
        ("data", ours.data, theirs.data),
        ("data hash", ours.data_hash, theirs.data_hash),
        ("class ranges [m]", ours.ranges, theirs.ranges),
    )
    seeds = [
        sorted({cell.seed for cell in file.cells} or {file.provenance.seed})
        for file in (results, baseline)
    ]
    found = [
        f"{what}: {new!r} here, {old!r} in the baseline" for what, new, old in pairs if new != old
    ]
    if not set(seeds[0]) & set(seeds[1]):
        here, there = (", ".join(map(str, some)) for some in seeds)
        found.append(
            f"seed: {here} here, {there} in the baseline; corruptions and attacks are other draws"
        )
    if ours.n_frames > theirs.n_frames:  # fewer is a failure of the gate, not another question
        found.append(f"frames: {ours.n_frames} here, {theirs.n_frames} in the baseline")
    if ours.n_frames == theirs.n_frames and ours.frames_hash != theirs.frames_hash:
        found.append(f"frames: other {ours.n_frames} frames of the split than in the baseline")
    return tuple(found)


def match_baseline(
    results: Results, baseline: Results | None
) -> tuple[Results | None, tuple[str, ...]]:
    """Choose the baseline to show changes against, under our model's name.

    Args:
        results: The run.
        baseline: An earlier run, or None.

    Returns:
        The baseline, or None and why it cannot be used.
    """
    if baseline is None:
        return None, ()
    reasons = list_differences(results, baseline)
    if reasons:
        return None, reasons
    before = same_subject(results, baseline)
    theirs = ResultsView(before)
    if results.cells and not any(
        theirs.same_test(_series(cell), cell.condition) for cell in results.cells
    ):
        here, there = (
            ", ".join(sorted({f"{c.model}/{c.engine}" for c in r.cells}))
            for r in (results, baseline)
        )
        return None, (f"no cell in common: {here} here, {there or 'no cell'} in the baseline",)
    return before, ()


def _series(cell: Cell) -> Series:
    return Series(cell.model, cell.engine, "", 0)


def describe_baseline(results: Results, baseline: Results) -> str:
    """Describe the baseline as far as it is another run: its title, its weights, its code.

    Args:
        results: The run.
        baseline: The earlier run.
    """
    parts = [baseline.title] if baseline.title != results.title else []
    ours, theirs = ({model.sha256: None for model in r.models} for r in (results, baseline))
    weights = "weights " + ", ".join(digest[:12] for digest in theirs)
    parts.append("the same weights" if ours == theirs else weights if theirs else "unknown weights")
    commit, before = results.provenance.git_commit, baseline.provenance.git_commit
    parts.append(
        f"commit {before[:12]}"
        if before and before != commit
        else "the same commit"
        if before
        else "unknown code"
    )
    return ", ".join(parts)


def same_subject(results: Results, baseline: Results) -> Results:
    """Put the baseline's only model under our only model's name.

    Args:
        results: The run.
        baseline: The earlier run. It is unchanged where either file holds several models.
    """
    ours = {cell.model for cell in results.cells}
    theirs = {cell.model for cell in baseline.cells}
    if len(ours) != 1 or len(theirs) != 1 or ours == theirs:
        return baseline
    name = next(iter(ours))
    old = next(iter(theirs))
    summary = {
        f"{name}/{key.removeprefix(f'{old}/')}": {
            what: _renamed(value, old, name) for what, value in values.items()
        }
        for key, values in baseline.summary.items()
    }
    cells = tuple(cell.model_copy(update={"model": name}) for cell in baseline.cells)
    checks = tuple(check.model_copy(update={"model": name}) for check in baseline.sanity)
    curves = tuple(curve.model_copy(update={"model": name}) for curve in baseline.curves)
    models = tuple(
        m.model_copy(update={"name": name}) if m.name == old else m for m in baseline.models
    )
    changes = {
        "models": models,
        "cells": cells,
        "summary": summary,
        "curves": curves,
        "sanity": checks,
    }
    return baseline.model_copy(update=changes)


def compared_engine(metric: Metric) -> str:
    """Return the label of the engine that an aggregate (mCE, mRRA) compares with.

    It is empty where the aggregate compares with none.
    """
    return (metric.method or "").partition(_AGAINST)[2]


def _renamed(metric: Metric, old: str, new: str) -> Metric:
    """Return the aggregate, compared with an engine of the renamed model."""
    method = (metric.method or "").replace(f"{_AGAINST}{old}/", f"{_AGAINST}{new}/")
    return (
        metric if method == (metric.method or "") else metric.model_copy(update={"method": method})
    )


def other_average(model: str, engine: str, results: ResultsView, baseline: ResultsView) -> str:
    """Say which corruptions the aggregates are over in one of the two files only.

    Args:
        model: Name of the model.
        engine: Name of the engine.
        results: The run.
        baseline: The earlier run.

    Returns:
        The difference in words. Empty where the corruptions are the same.
    """

    def averaged(view: ResultsView) -> dict[tuple[object, ...], Condition]:
        conditions = view.averaged_conditions(Series(model, engine, "", 0))
        return {condition_key(condition): condition for condition in conditions}

    ours, theirs = averaged(results), averaged(baseline)
    parts = [
        f"only {where} over {_few([found[key] for key in found if key not in other])}"
        for where, found, other in (("here", ours, theirs), ("in the baseline", theirs, ours))
        if not found.keys() <= other.keys()
    ]
    return "; ".join(parts)


def _few(conditions: list[Condition]) -> str:
    """Name the first three conditions."""
    more = f" and {len(conditions) - 3} more" if len(conditions) > 3 else ""
    return (
        ", ".join(
            f"{formatting.format_condition(c)} ({formatting.format_parameters(c.parameters)})"
            for c in conditions[:3]
        )
        + more
    )


def measure_worsening(new: Metric, old: Metric) -> float | None:
    """Measure by how much a number is worse than an older one, in the metric's unit.

    Args:
        new: The number.
        old: The older number.

    Returns:
        The loss (negative where it is better), or None where either is undefined.
    """
    if new.value is None or old.value is None:
        return None
    return old.value - new.value if new.higher_is_better else new.value - old.value
