"""Markdown for a pull request or a GitHub step summary."""

from __future__ import annotations

import re

from reports import comparison, formatting, sanity_verdict
from reports.clean_text import clean_text
from reports.first_screen import make_first_screen
from reports.gate.report import GateCheck, GateReport
from reports.results_view import ResultsView, Series
from reports.schema import Metric, Results
from reports.shown_value import Value
from reports.svg.parameter_curves import ParameterCurve, parameter_curves

MAX_BYTES = 1_000_000  # GitHub takes 1 MiB
MAX_ROWS = 200


def markdown_summary(
    results: Results, baseline: Results | None = None, gate: GateReport | None = None
) -> str:
    """Write the summary, below 1 MiB. Long tables are cut, and say so.

    Args:
        results: The run.
        baseline: An earlier run to show changes against, or None.
        gate: Verdict of the gate, or None.
    """
    view = ResultsView(results)
    same, reasons = comparison.match_baseline(results, baseline)
    before = ResultsView(same) if same is not None else None
    found = make_first_screen(view, gate)
    parts = [f"# {_safe(results.title)}", _safe(found.sentence)]
    parts += [
        _table(
            ("", "", ""),
            [
                (
                    t.question,
                    _Markup(f"**{_safe(t.answer)}**"),
                    "; ".join(d for d in t.details if d),
                )
                for t in found.tiles
            ],
        )
    ]
    if reasons:
        parts.append("**Not comparable with the baseline:** " + _safe("; ".join(reasons)))
    if gate is not None:
        parts += ["## Gate", _gate(gate)]
    for metric in view.metrics:
        parts += [f"## {_safe(metric)}", _scores(view, before, metric)]
    parts += [
        f"{_safe(metric)} is undefined: {_safe(reason)}." for metric, reason in view.undefined
    ]
    if view.series and view.condition_names("corruption"):
        parts += [f"## Kept of the clean value, {_safe(view.series[0].label)}", _losses(view)]
    for curve in parameter_curves(view):
        parts += [
            f"## Curve of {_safe(curve.title)}, {_safe(curve.axis)}",
            *_parameter_curve(curve),
        ]
    for checked in sanity_verdict.engine_verdicts(results):
        parts += [f"## Sanity of the attacks on {_safe(checked.label)}", *_sanity(checked)]
    if found.cautions:
        parts += [
            "## Read with care",
            "\n".join(f"- {_safe(caution)}" for caution in found.cautions),
        ]
    parts.append(f"`{clean_text(results.provenance.command).replace('`', chr(39))}`")
    text = "\n\n".join(parts) + "\n"
    while len(text.encode()) > MAX_BYTES:  # only with absurdly long names
        text = text[: len(text) // 2] + "\n\n(cut: too long for a step summary)\n"
    return text


def _gate(gate: GateReport) -> str:
    head = (
        f"**{'Passed' if gate.passed else 'Not passed'}**: {gate.count('passed')} passed, "
        f"{gate.count('failed')} failed, "
    )
    doubtful = f", {gate.count('inconclusive')} inconclusive" if gate.count("inconclusive") else ""
    head += f"{gate.count('error')} errors{doubtful} (exit code {int(gate.exit_code)})."
    if gate.not_comparable:
        head += " Not comparable: " + _safe("; ".join(gate.not_comparable))
    checks = sorted(gate.checks, key=lambda check: check.state == "passed")
    rows = [_gate_row(check, gate) for check in checks[:MAX_ROWS]]
    more = (
        f"\n\n{len(checks) - MAX_ROWS} more checks are in report.html."
        if len(checks) > MAX_ROWS
        else ""
    )
    return (
        head
        + "\n\n"
        + _table(("", "Metric", "Model", "Engine", "Condition", "Observed and bound"), rows)
        + more
    )


def _gate_row(check: GateCheck, gate: GateReport) -> tuple[str, ...]:
    mark = {
        "passed": "✓ passed",
        "failed": "✗ **failed**",
        "error": "✗ **error**",
        "inconclusive": "! **inconclusive**",
    }[check.state]
    where = (check.model or "–", check.engine or "–", check.condition or gate.rule_of(check))
    return _Markup(mark), check.metric, *where, check.message


def _scores(view: ResultsView, before: ResultsView | None, metric: str) -> str:
    """Make the table of scores, without the columns of what the run was not asked for."""
    rows = [_score(view, before, series, metric) for series in view.series[:MAX_ROWS]]
    corrupted = (
        ("Mean corruption", "Worst corruption") if view.condition_names("corruption") else ()
    )
    attacked = ("Under attack",) if view.condition_names("attack") else ()
    return _table(("Model", "Clean", *corrupted, *attacked), rows)


def _score(
    view: ResultsView, before: ResultsView | None, series: Series, metric: str
) -> tuple[str, ...]:
    cells = [
        _value(
            view.clean_metric(series, metric),
            before.clean_metric(series, metric) if before else None,
        )
    ]
    if view.condition_names("corruption"):
        old = before.corruption_mean(series, metric) if before else None
        cells.append(_value(view.corruption_mean(series, metric), old))
    for kind in ("corruption", "attack"):
        if not view.condition_names(kind):
            continue
        point = view.worst_point(series, metric, kind)
        if point is None:
            cells.append("not run")
        else:
            old = before.same_metric(series, metric, point) if before else None
            suspect = sanity_verdict.suspect_badge(
                sanity_verdict.suspect_condition(view, series, point.condition)
            )
            named = f"{_value(point.metric, old)} ({formatting.format_condition(point.condition)})"
            cells.append(_Markup(f"{_safe(named)} **✗ {suspect}**") if suspect else named)
    return (series.label, *cells)


def _value(metric: Metric | None, old: Metric | None) -> str:
    parts = [formatting.format_metric(metric), formatting.format_interval(metric)]
    if (
        metric is not None
        and old is not None
        and metric.value is not None
        and old.value is not None
    ):
        parts.append(formatting.format_delta(metric.value, old.value, metric.unit))
    return " ".join(part for part in parts if part)


def _losses(view: ResultsView) -> str:
    series = view.series[0]
    rows = []
    for name in view.by_loss(series, view.charted[0])[:MAX_ROWS]:
        kept = [view.retained_share(series, metric, name) for metric in view.charted]
        absent = "sensor not used" if name in view.unused_corruptions(series) else "undefined"
        rows.append(
            (
                formatting.to_words(name),
                *(absent if k is None else formatting.format_percent(k) for k in kept),
            )
        )
    return _table(("Corruption", *view.charted), rows)


def _parameter_curve(curve: ParameterCurve) -> list[str]:
    """Write where each metric halves, then each curve as a table."""
    rows = [(row.label, *(_halved(value) for value in row.values)) for row in curve.rows[:MAX_ROWS]]
    tables = [_table(("Falls to half of clean at", *curve.metrics), rows)]
    tables += [_safe(f"Intervals: {'; '.join(curve.methods)}.")] if curve.methods else []
    for metric, panel in zip(curve.metrics, curve.panels, strict=True):
        rows = [
            (row.level, *(_shown(value) for value in row.values)) for row in panel.rows[:MAX_ROWS]
        ]
        tables.append(_table((f"{metric} at {curve.axis}", *panel.columns), rows))
    return tables


def _sanity(checked: sanity_verdict.SanityVerdict) -> list[str]:
    """Write the count, then all checks, the failed ones first."""
    head = (
        f"**✗ SUSPECT: do not rely on these attack figures.** {checked.summary()}."
        if checked.suspect
        else f"{'✓' if checked.ran else '– unchecked:'} {checked.summary()}."
    )
    order = ("FAIL", "WARN", "PASS", "NOT RUN")
    rows: list[tuple[str, ...]] = [
        (
            check.id,
            check.title,
            f"{sanity_verdict.MARKS[check.verdict]} {check.verdict.lower()}",
            check.message,
        )
        for check in sorted(checked.checks, key=lambda check: order.index(check.verdict))
    ]
    return [head, _table(("", "Check", "Result", "What it means"), rows)]


def _halved(value: Value | None) -> str:
    """Write the place with its interval, and why either is missing."""
    if value is None:
        return "–"
    return f"{value.text} {value.interval}".rstrip() + (f" ({value.note})" if value.note else "")


def _shown(value: Value | None) -> str:
    return "–" if value is None else f"{value.text} {value.interval}".rstrip()


class _Markup(str):
    """A table cell that is Markdown already."""


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    for row in rows:
        lines.append(
            "| "
            + " | ".join(cell if isinstance(cell, _Markup) else _safe(cell) for cell in row)
            + " |"
        )
    return "\n".join(lines)


def _safe(text: str) -> str:
    """Escape a text so that Markdown and HTML take it literally, on one line."""
    text = clean_text(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = re.sub(r"([\\`*_|#~])", r"\\\1", text)
    return re.sub(r"\](?=[(\[:])", r"\]", text)  # no links, while intervals stay readable
