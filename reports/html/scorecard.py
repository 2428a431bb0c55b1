"""The scorecard: clean, mean corruption, worst corruption and under attack, per metric."""

from __future__ import annotations

from dataclasses import dataclass, replace

from reports import formatting, sanity_verdict
from reports.results_view import HEADLINES, Point, ResultsView, Series
from reports.schema import Metric
from reports.shown_value import Value, show_value
from reports.svg.line_chart import top_of
from reports.svg.row_chart import RowChart, RowData, row_chart


@dataclass(frozen=True)
class ScoreRow:
    """One model on one engine."""

    label: str
    sensors: str
    engine: str
    clean: Value
    mean: Value
    worst: Value
    attack: Value
    rates: tuple[Value, ...]
    sample: str


@dataclass(frozen=True)
class Score:
    """One headline metric."""

    title: str
    chart: RowChart | None
    rows: tuple[ScoreRow, ...]
    rate_names: tuple[str, ...]


def make_scorecard(view: ResultsView, baseline: ResultsView | None) -> tuple[Score, ...]:
    """Make one entry per headline metric that some cell defines, else that the file holds.

    Args:
        view: Look-ups over the results.
        baseline: Look-ups over the baseline, or None.
    """
    return tuple(_score(view, baseline, metric) for metric in view.metrics)


def _score(view: ResultsView, baseline: ResultsView | None, metric: str) -> Score:
    summary = view.results.summary
    rates = tuple(
        rate
        for rate in ("mRR", "mCE")
        if any(f"{metric}/{rate}" in summary.get(f"{s.model}/{s.engine}", {}) for s in view.series)
    )
    data = [
        RowData(
            series.label,
            "",
            view.clean_metric(series, metric),
            (
                ("mean", "mean over corruptions", view.corruption_mean(series, metric)),
                (
                    "worst",
                    "worst corruption",
                    _metric(view.worst_point(series, metric, "corruption")),
                ),
                ("attack", "worst attack", _metric(view.worst_point(series, metric, "attack"))),
            ),
            bar=False,
        )
        for series in view.series
    ]
    title = HEADLINES.get(metric, metric)
    drawn = view.has_value(metric)
    top = top_of([row.clean for row in data] + [dot[2] for row in data for dot in row.dots])
    left = 24 + 6.6 * max(len(row.label) for row in data)
    return Score(
        title=title,
        chart=row_chart(f"{title}: clean, corrupted and under attack", data, top, 0, left, 520, 36)
        if drawn
        else None,
        rows=tuple(_row(view, baseline, series, metric, rates) for series in view.series),
        rate_names=rates,
    )


def _row(
    view: ResultsView,
    baseline: ResultsView | None,
    series: Series,
    metric: str,
    rates: tuple[str, ...],
) -> ScoreRow:
    clean = view.clean_metric(series, metric)
    sensors = next(
        (model.sensors for model in view.results.models if model.name == series.model), ()
    )
    summary = view.results.summary.get(f"{series.model}/{series.engine}", {})
    before = _summary(baseline, series)
    return ScoreRow(
        label=series.label,
        sensors=" + ".join(formatting.to_words(sensor) for sensor in sensors),
        engine=series.engine,
        clean=show_value(clean, old=baseline.clean_metric(series, metric) if baseline else None),
        mean=show_value(
            view.corruption_mean(series, metric),
            clean=clean,
            old=baseline.corruption_mean(series, metric) if baseline else None,
        ),
        worst=_worst(view, baseline, series, metric, "corruption", clean),
        attack=_worst(view, baseline, series, metric, "attack", clean),
        rates=tuple(
            _rate(summary.get(f"{metric}/{rate}"), before.get(f"{metric}/{rate}")) for rate in rates
        ),
        sample=formatting.format_sample(clean),
    )


def _rate(metric: Metric | None, old: Metric | None) -> Value:
    """Show an aggregate, with the model that it compares with.

    That is the part of its method behind the semicolon.
    """
    note = metric.method.partition("; ")[2] if metric is not None and metric.method else ""
    return show_value(metric, note, old=old)


def _summary(baseline: ResultsView | None, series: Series) -> dict[str, Metric]:
    """Return the baseline's aggregates of the same model and engine."""
    return baseline.results.summary.get(f"{series.model}/{series.engine}", {}) if baseline else {}


def _worst(
    view: ResultsView,
    baseline: ResultsView | None,
    series: Series,
    metric: str,
    kind: str,
    clean: Metric | None,
) -> Value:
    point = view.worst_point(series, metric, kind)
    if point is None:
        return show_value(None)
    old = baseline.same_metric(series, metric, point) if baseline else None
    value = show_value(point.metric, formatting.format_condition(point.condition), clean, old)
    return replace(
        value,
        suspect=sanity_verdict.suspect_badge(
            sanity_verdict.suspect_condition(view, series, point.condition)
        ),
    )


def _metric(point: Point | None) -> Metric | None:
    return None if point is None else point.metric
