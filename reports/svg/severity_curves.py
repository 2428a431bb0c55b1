"""Severity curves on the physical axis, all models overlaid."""

from __future__ import annotations

from reports import formatting
from reports.results_view import ResultsView
from reports.svg.curve_panels import Member, PanelGroup, make_group
from reports.svg.drawn_series import select_series


def severity_curves(view: ResultsView) -> tuple[PanelGroup, ...]:
    """Make one group per charted metric, one panel per corruption."""
    groups, lines = [], select_series(view, "corruption")
    for metric in view.charted:
        members = [
            (formatting.to_words(name), [Member(series, name, False) for series in lines])
            for name in view.by_loss(view.series[0], metric)
        ]
        groups.append(make_group(view, metric, "corruption", members))
    return tuple(group for group in groups if group.panels)
