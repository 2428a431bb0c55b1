"""The first screen: how good clean, how bad at worst, what loses most, which checks passed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from reports import formatting, half_values, sanity_verdict
from reports.first_sentence import write_first_sentence
from reports.gate.report import ExitCode, GateReport
from reports.results_view import Point, ResultsView, Series
from reports.schema import Check, Curve, Results

FEW_SCENES = 20


@dataclass(frozen=True)
class Tile:
    """A question with its answer.

    Attributes:
        question: Short heading.
        answer: The answer in a few words.
        details: Lines below it.
        level: 'plain', 'good', 'bad' or 'warn'. It is said in words, too.
    """

    question: str
    answer: str
    details: tuple[str, ...]
    level: str = "plain"


@dataclass(frozen=True)
class FirstScreen:
    """Headline sentence, tiles, and cautions for a careful reader."""

    sentence: str
    tiles: tuple[Tile, ...]
    cautions: tuple[str, ...]


def make_first_screen(view: ResultsView, gate: GateReport | None) -> FirstScreen:
    """Collect the first screen, for the first model of the file.

    Only the gate has a tile even if the run was not asked for it.

    Args:
        view: Look-ups over the results.
        gate: Verdict of the gate, or None.
    """
    if not view.series or not view.metrics:
        return FirstScreen(
            "This file holds no measured cell.",
            (checks_tile(view.results), gate_tile(gate)),
            tuple(list_cautions(view)),
        )
    subject, metric = view.series[0], view.charted[0]
    tiles = [_clean(view, subject)]
    if view.condition_names("corruption"):
        tiles += [
            _worst(view, subject, "corruption", "At worst, corrupted"),
            _most_harm(view, subject, metric),
        ]
    tiles += [_halving(view, curve) for curve in half_values.measured_curves(view, subject)]
    if view.condition_names("attack"):
        tiles.append(_worst(view, subject, "attack", "Under attack, at worst"))
    if any(cell.condition.kind != "clean" for cell in view.results.cells):
        tiles.append(checks_tile(view.results))
    return FirstScreen(
        write_first_sentence(view, subject), (*tiles, gate_tile(gate)), tuple(list_cautions(view))
    )


def all_checks(results: Results) -> list[Check]:
    """List every effect and budget check of the file."""
    return [
        check for cell in results.cells for check in (cell.effect, cell.budget) if check is not None
    ]


def _clean(view: ResultsView, subject: Series) -> Tile:
    metric = view.charted[0]
    value = view.clean_metric(subject, metric)
    details = [
        ", ".join(
            part
            for part in (formatting.format_interval(value), formatting.format_sample(value))
            if part
        )
    ]
    for other in view.charted[1:]:
        second = view.clean_metric(subject, other)
        details.append(
            f"{other} {formatting.format_metric(second)} "
            f"{formatting.format_interval(second)}".strip()
        )
    return Tile(f"Clean {metric}", formatting.format_metric(value), tuple(details))


def _worst(view: ResultsView, subject: Series, kind: str, question: str) -> Tile:
    """Show the worst cell of a kind, on any engine that ran the subject's model."""
    found: list[tuple[str, Point]] = []
    for metric in view.charted:
        points = [
            p
            for s in view.series
            if s.model == subject.model
            if (p := view.worst_point(s, metric, kind)) is not None
        ]
        if points:
            found.append((metric, min(points, key=lambda p: p.metric.value or 0.0)))
    if not found:
        return Tile(
            question, "not run", (f"no {kind} of a sensor of {subject.model} in this file",), "warn"
        )
    (metric, point), rest = found[0], found[1:]
    details = [formatting.format_condition(point.condition)]
    details += [
        f"{name} {formatting.format_metric(p.metric)}: {formatting.format_condition(p.condition)}"
        for name, p in rest
    ]
    mine = [series for series in view.series if series.model == subject.model]
    failed = {
        check: None
        for s in mine
        for _, p in found
        for check in sanity_verdict.suspect_condition(view, s, p.condition)
    }
    if failed:
        details.insert(0, f"{sanity_verdict.suspect_badge(tuple(failed))}: not to be relied on")
    return Tile(
        f"{question}: {metric}",
        formatting.format_metric(point.metric),
        tuple(details),
        "bad" if failed else "plain",
    )


def _most_harm(view: ResultsView, subject: Series, metric: str) -> Tile:
    losses = [
        (name, kept)
        for name in view.by_loss(subject, metric)
        if (kept := view.retained_share(subject, metric, name)) is not None
    ]
    if not losses:
        return Tile(
            "Loses most to",
            "unknown",
            ("no corruption with a clean value to compare with",),
            "warn",
        )
    (name, kept), rest = losses[0], [(n, k) for n, k in losses[1:3] if loses_value(k)]
    if not loses_value(kept):
        return Tile(
            "Loses most to",
            "nothing",
            (f"every corruption keeps all of the clean {metric}, or more",),
        )
    details = [f"keeps {formatting.format_percent(kept)} of clean {metric} on average"]
    if rest:
        details.append(
            "then "
            + ", ".join(
                f"{formatting.to_words(n)} ({formatting.format_percent(k)})" for n, k in rest
            )
        )
    return Tile("Loses most to", formatting.to_words(name), tuple(details))


def loses_value(kept: float) -> bool:
    """Say whether less than all of the clean value is kept, in whole percent as shown."""
    return round(100 * kept) < 100


def _halving(view: ResultsView, curve: Curve) -> Tile:
    """Make the tile of the place where the metrics of a curve halve."""
    metric = half_values.headline_metric(view, curve)
    found = half_values.describe_half(curve.half[metric])
    about = ", ".join(
        part
        for part in (found.interval, found.note, formatting.format_sample(curve.half[metric]))
        if part
    )
    others = [
        (name, half_values.describe_half(curve.half[name]))
        for name in view.metrics
        if name in curve.half and name != metric
    ]
    return Tile(
        f"Under {formatting.to_words(curve.name)}, {metric} falls to half at",
        found.place,
        (
            f"{half_values.parameter_name(curve)} {about}".rstrip(),
            *(f"{name} {other.place} {other.interval}".rstrip() for name, other in others),
        ),
    )


def checks_tile(results: Results) -> Tile:
    """Say whether the corruptions were real and the attacks within budget."""
    checks = all_checks(results)
    question = "Effect and budget checks"
    if not checks:
        return Tile(
            question, "none run", ("nothing shows that the sensors were changed as stated",), "warn"
        )
    failed = sum(not check.passed for check in checks)
    unchecked = sum(
        c.condition.kind != "clean" and c.effect is None and c.budget is None for c in results.cells
    )
    details = [f"{len(checks) - failed} of {len(checks)} passed"]
    if unchecked:
        details.append(f"{formatting.format_count(unchecked, 'cell')} without any check")
    level = "bad" if failed else "warn" if unchecked else "good"
    return Tile(question, f"{failed} failed" if failed else "all passed", tuple(details), level)


def gate_tile(gate: GateReport | None) -> Tile:
    """Show the gate's verdict, or that it was not run."""
    if gate is None:
        return Tile("Gate", "not run", ("this report was written without rules",), "plain")
    if gate.not_comparable:
        return Tile("Gate", "not comparable", gate.not_comparable[:2], "bad")
    details = (
        f"{gate.count('passed')} of {formatting.format_count(len(gate.checks), 'check')} passed",
    )
    if gate.passed:
        return Tile("Gate", "passed", details, "good")
    if gate.exit_code == ExitCode.INCONCLUSIVE:
        return Tile(
            "Gate",
            "inconclusive",
            (*details, f"{gate.count('inconclusive')} rest on suspect attack figures"),
            "warn",
        )
    return Tile("Gate", "failed", details, "bad")


def list_cautions(view: ResultsView) -> Iterator[str]:
    """Yield what weakens the figures.

    These are few scenes, unused sensors, missing intervals, uncommitted code, and notes of the run.
    """
    origin = view.results.provenance
    if origin.n_scenes == 1:
        yield (
            f"1 scene only ({formatting.format_count(origin.n_frames, 'frame')}): the intervals "
            f"come from frames of one scene, which "
            "are alike. They are too narrow, and say nothing about other scenes."
        )
    elif origin.n_scenes < FEW_SCENES:
        yield (
            f"{formatting.format_count(origin.n_scenes, 'scene')} only "
            f"({formatting.format_count(origin.n_frames, 'frame')}): "
            "the intervals are wide and small differences mean nothing."
        )
    for checked in sanity_verdict.engine_verdicts(view.results):
        if checked.suspect:
            yield (
                f"The attack figures of {checked.label} are SUSPECT: sanity checks "
                f"{', '.join(checked.failed)} failed."
            )
    if sanity_verdict.is_unchecked(view.results):
        why = (
            "no sanity check was run" if view.results.sanity else "the file holds no sanity verdict"
        )
        yield f"The attack figures are unchecked: {why}."
    yield from _unused(view)
    without = sum(
        m.value is not None and m.lo is None
        for c in view.results.cells
        for n, m in c.metrics.items()
        if n in view.metrics
    )
    if without:
        yield f"{formatting.format_count(without, 'headline value')} without an interval."
    if origin.git_dirty:
        yield "The code had uncommitted changes: the commit below does not describe it fully."
    if origin.git_commit is None:
        yield "The code's git commit is unknown."
    yield from view.results.notes


def _unused(view: ResultsView) -> Iterator[str]:
    """Yield, for each model, the corruptions that say nothing about it."""
    found = {
        series.model: names for series in view.series if (names := view.unused_corruptions(series))
    }
    for model, names in found.items():
        shown = ", ".join(formatting.to_words(name) for name in names)
        yield (
            f"{model} does not use the sensors that these change: {shown}. They are left out of "
            f"its averages and worst cases."
        )
