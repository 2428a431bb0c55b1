"""Which series have a line of their own in the charts."""

from __future__ import annotations

from dataclasses import replace

from reports.attack_parameters import attack_metrics
from reports.conditions import condition_key
from reports.results_view import ResultsView, Series

SAME = 0.005
"""Difference below which series of one model are drawn as one line: half a point in percent.

It must hold everywhere.
"""


def select_series(view: ResultsView, kind: str) -> tuple[Series, ...]:
    """Select the series that have a line in the charts of a kind.

    Engines of a model that agree (see `SAME`) have one line.

    Args:
        view: Look-ups over the results.
        kind: Kind of the conditions.
    """
    groups: dict[tuple[object, ...], list[list[tuple[Series, Values]]]] = {}
    for series in view.series:
        if any(
            c.condition.kind == kind and view.uses_sensors_of(series, c.condition)
            for c in view.cells_of(series)
        ):
            values = _values(view, kind, series)
            alike = groups.setdefault((series.model, frozenset(values)), [])
            same = next((group for group in alike if _agree(group[0][1], values)), None)
            if same is None:
                alike.append([(series, values)])
            else:
                same.append((series, values))
    found = [[series for series, _ in group] for alike in groups.values() for group in alike]
    found.sort(key=lambda group: group[0].style)  # in the order of the file
    return tuple(
        replace(group[0], label=" = ".join(series.label for series in group)) for group in found
    )


Values = dict[tuple[object, ...], float | None]
"""The values of one series, by metric and condition."""


def _values(view: ResultsView, kind: str, series: Series) -> Values:
    metrics = attack_metrics(view) if kind == "attack" else view.charted
    return {
        (metric, *condition_key(point.condition)): point.metric.value
        for metric in metrics
        for one in ("clean", kind)
        for point in view.find_points(series, metric, one)
    }


def _agree(ours: Values, theirs: Values) -> bool:
    """Say whether two engines of a model, with the same conditions, have nearly the same values."""
    return all(
        (value is None) == (theirs[key] is None)
        and abs((value or 0.0) - (theirs[key] or 0.0)) < SAME
        for key, value in ours.items()
    )
