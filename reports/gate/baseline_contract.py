"""The baseline is a contract: what it held and the run lacks fails the gate.

This holds whichever rules there are. The baseline holds engines, cells (conditions, severities,
budgets, seeds), the numbers of each cell and the frames, scenes and objects behind them, the checks
of each cell, the sanity checks that were run, the aggregates and the curves. Better or worse is not
asked here. That is what rules are for.
"""

from __future__ import annotations

from collections.abc import Iterator

from reports import formatting
from reports.gate.bounds import Context
from reports.gate.report import GateCheck
from reports.results_view import ResultsView, Series
from reports.schema import Cell, Metric

Label = tuple[str, str]
SHOWN = 3
"""Conditions that a message names. The others are counted."""


def missing_from_run(context: Context, before: ResultsView) -> Iterator[GateCheck]:
    """Yield a failed check for each thing that the baseline held and the run lacks.

    A cell that was run with other parameters than the baseline's is no loss but another test. It
    makes the two not comparable, which is noted in the context.

    Args:
        context: Context of the gate. Its reasons against a comparison may grow.
        before: The baseline, under the name of our model.
    """
    yield from _fewer_frames(context.view, before)
    ours = {(cell.model, cell.engine) for cell in context.view.results.cells}
    seeds = [{cell.seed for cell in view.results.cells} for view in (context.view, before)]
    other_seeds = (
        not seeds[0] & seeds[1]
    )  # not comparable already: what else is missing is asked all the same
    theirs: dict[Label, list[Cell]] = {}
    for cell in before.results.cells:
        theirs.setdefault((cell.model, cell.engine), []).append(cell)
    for label, cells in theirs.items():
        if label not in ours:
            yield _lost(
                label,
                "engine",
                f"the baseline measured {_cells(len(cells))} on it; this run has none",
            )
            continue
        pairs = []
        for cell in cells:
            twin = context.view.find_twin(cell) or (
                _any_seed(context.view, cell) if other_seeds else None
            )
            if twin is not None:
                pairs.append((cell, twin))
            else:
                yield from _missing_cell(context, before, cell)
        yield from _missing_numbers(label, pairs)
        yield from _missing_checks(label, pairs)
        yield from _missing_aggregates(context.view, before, label)
    yield from _missing_sensors(context.view, before)
    yield from _missing_sanity(context.view, before)
    yield from _missing_curves(context.view, before, ours)


def _any_seed(view: ResultsView, cell: Cell) -> Cell | None:
    return next(iter(view.same_test(Series(cell.model, cell.engine, "", 0), cell.condition)), None)


def _lost(label: Label | None, what: str, message: str, condition: str | None = None) -> GateCheck:
    model, engine = label or (None, None)
    engine = engine or None
    return GateCheck(
        state="failed",
        rule=None,
        bound_kind="baseline",
        bound=None,
        observed=None,
        message=message,
        metric=what,
        model=model,
        engine=engine,
        condition=condition or "held by the baseline",
    )


def _cells(count: int) -> str:
    return formatting.format_count(count, "cell")


def _fewer_frames(view: ResultsView, before: ResultsView) -> Iterator[GateCheck]:
    ours, theirs = view.results.provenance, before.results.provenance
    for what, new, old in (
        ("frames", ours.n_frames, theirs.n_frames),
        ("scenes", ours.n_scenes, theirs.n_scenes),
    ):
        if new < old:
            yield _lost(None, what, f"fewer {what} than the baseline: {new} instead of {old}")


def _missing_cell(context: Context, before: ResultsView, cell: Cell) -> Iterator[GateCheck]:
    """Yield a cell that the run lacks.

    If the run has a variant of it that the baseline lacks, note why they are not comparable
    instead.
    """
    replaced = next(
        (other for other in context.view.find_variants(cell) if before.find_twin(other) is None),
        None,
    )
    if replaced is None:
        where = formatting.format_full_condition(cell.condition)
        seed = (
            f" with seed {cell.seed}" if context.view.several_seeds or before.several_seeds else ""
        )
        yield _lost(
            (cell.model, cell.engine),
            "cell",
            f"the baseline measured it{seed}; this run did not",
            where,
        )
    else:
        where = f"{cell.model}/{cell.engine}, {formatting.format_condition(cell.condition)}"
        old, new = (formatting.format_full_condition(one.condition) for one in (cell, replaced))
        context.not_comparable.append(
            f"{where}: the baseline ran it with other parameters ({old}; here {new})"
        )


def _missing_numbers(label: Label, pairs: list[tuple[Cell, Cell]]) -> Iterator[GateCheck]:
    """Yield metrics that are missing or undefined here, or made from less.

    One check for each name says in which cells.
    """
    absent: dict[str, list[Cell]] = {}
    undefined: dict[str, list[Cell]] = {}
    fewer: dict[tuple[str, str], list[tuple[Cell, int, int]]] = {}
    held: dict[str, int] = {}
    for old, new in pairs:
        for name, before in old.metrics.items():
            held[name] = held.get(name, 0) + 1
            now = new.metrics.get(name)
            if now is None:
                absent.setdefault(name, []).append(new)
            elif now.value is None and before.value is not None:
                undefined.setdefault(name, []).append(new)
            for what, a, b in () if now is None else _samples(name, now, before):
                fewer.setdefault((name, what), []).append((new, a, b))
    for name, cells in absent.items():
        yield _lost(
            label, name, f"the baseline held it in {_cells(held[name])}; missing in {_named(cells)}"
        )
    for name, cells in undefined.items():
        why = cells[0].metrics[name].reason
        yield _lost(label, name, f"the baseline had a value; undefined in {_named(cells)} ({why})")
    for (name, what), rows in fewer.items():
        _, a, b = rows[0]
        cells = [cell for cell, _, _ in rows]
        yield _lost(
            label, name, f"fewer {what} than the baseline: {a} instead of {b} in {_named(cells)}"
        )


def _samples(name: str, now: Metric, before: Metric) -> Iterator[tuple[str, int, int]]:
    """Yield what a number is made from less of.

    The trials of an attack depend on the model, and are not held against it.
    """
    counts = [("frames", now.n_frames, before.n_frames), ("scenes", now.n_scenes, before.n_scenes)]
    if name != "ASR" and before.n_objects is not None:
        counts.append(("objects", now.n_objects or 0, before.n_objects))
    yield from ((what, a, b) for what, a, b in counts if a < b)


def _named(cells: list[Cell]) -> str:
    shown = "; ".join(formatting.format_condition(cell.condition) for cell in cells[:SHOWN])
    more = f" and {len(cells) - SHOWN} more" if len(cells) > SHOWN else ""
    return f"{_cells(len(cells))}: {shown}{more}"


def _missing_checks(label: Label, pairs: list[tuple[Cell, Cell]]) -> Iterator[GateCheck]:
    for what in ("effect", "budget"):
        lost = [
            new
            for old, new in pairs
            if getattr(old, what) is not None and getattr(new, what) is None
        ]
        if lost:
            yield _lost(
                label, f"{what} check", f"the baseline recorded it; missing in {_named(lost)}"
            )


def _missing_aggregates(
    view: ResultsView, before: ResultsView, label: Label
) -> Iterator[GateCheck]:
    name = f"{label[0]}/{label[1]}"
    theirs = before.results.summary.get(name, {})
    ours = view.results.summary.get(name, {})
    for aggregate, old in theirs.items():
        new = ours.get(aggregate)
        if new is None:
            yield _lost(label, aggregate, "the baseline held this aggregate; this run lacks it")
        elif new.value is None and old.value is not None:
            yield _lost(
                label, aggregate, f"the baseline had a value; undefined here ({new.reason})"
            )


def _missing_sensors(view: ResultsView, before: ResultsView) -> Iterator[GateCheck]:
    """Yield sensors that a model no longer uses: it has fewer corruptions in its means."""
    ours = {model.name: model.sensors for model in view.results.models}
    for model in before.results.models:
        lost = set(model.sensors) - set(ours.get(model.name, model.sensors))
        if lost:
            what = " and ".join(formatting.to_words(sensor) for sensor in sorted(lost))
            yield _lost(
                (model.name, ""), "sensors", f"the baseline's model used {what}; this one does not"
            )


def _missing_sanity(view: ResultsView, before: ResultsView) -> Iterator[GateCheck]:
    ran = {(c.model, c.engine, c.id) for c in view.results.sanity if c.verdict != "NOT RUN"}
    lost: dict[Label, list[str]] = {}
    for check in before.results.sanity:
        if check.verdict != "NOT RUN" and (check.model, check.engine, check.id) not in ran:
            lost.setdefault((check.model, check.engine), []).append(check.id)
    for label, ids in lost.items():
        yield _lost(label, "sanity verdict", f"the baseline ran {', '.join(ids)}; this run did not")


def _missing_curves(
    view: ResultsView, before: ResultsView, ours: set[Label]
) -> Iterator[GateCheck]:
    curves = {(curve.model, curve.engine, curve.name): curve for curve in view.results.curves}
    for old in before.results.curves:
        label = (old.model, old.engine)
        if label not in ours:
            continue
        new = curves.get((*label, old.name))
        absent = set(old.half) if new is None else set(old.half) - set(new.half)
        if new is None or absent:
            what = f" of {', '.join(sorted(absent))}" if absent else ""
            yield _lost(
                label,
                f"curve of {old.name}",
                f"the baseline held the curve{what}; this run lacks it",
            )
