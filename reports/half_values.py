"""The places where the metrics of a curve fall to half of their clean value, in words."""

from __future__ import annotations

from dataclasses import dataclass

from reports import formatting
from reports.results_view import ResultsView, Series
from reports.schema import Curve, Metric

OUTSIDE = "not on the curve"


@dataclass(frozen=True)
class Half:
    """A place on the curve's axis, in words.

    Attributes:
        place: The place ('87.3 m').
        interval: Its interval ('[71, 102]' or '').
        note: Why either is missing or was cut.
    """

    place: str
    interval: str
    note: str


def describe_half(metric: Metric) -> Half:
    """Describe a value of `Curve.half`, and say why it or its interval is missing or was cut."""
    if metric.value is None:
        return Half(OUTSIDE, "", metric.reason or "")
    place = formatting.format_quantity(metric.value, metric.unit)
    if metric.lo is None or metric.hi is None:
        return Half(place, "", metric.method or "no interval")
    lo, hi = (
        formatting.format_quantity(end, metric.unit).split(formatting.SPACE)[0]
        for end in (metric.lo, metric.hi)
    )
    return Half(place, f"[{lo}, {hi}]", split_method(metric)[1])


def split_method(metric: Metric) -> tuple[str, str]:
    """Split a method into how the interval was made, and whether it was cut."""
    how, _, cut = (metric.method or "").partition(", cut ")
    return how, f"interval cut {cut}" if cut else ""


def measured_curves(view: ResultsView, series: Series) -> tuple[Curve, ...]:
    """List the curves of one series, in the order of the file.

    Curves in which no metric was measured are left out.

    Args:
        view: Look-ups over the results.
        series: The model on its engine.
    """
    mine = (
        curve
        for curve in view.curves.values()
        if (curve.model, curve.engine) == (series.model, series.engine)
    )
    return tuple(curve for curve in mine if curve.half)


def headline_metric(view: ResultsView, curve: Curve) -> str:
    """Choose the metric that tells about a curve: its first headline metric, else its first.

    Args:
        view: Look-ups over the results.
        curve: The curve.
    """
    return next(
        (name for name in (*view.charted, *view.metrics) if name in curve.half),
        next(iter(curve.half)),
    )


def parameter_name(curve: Curve) -> str:
    """Return the name of a curve's parameter without its unit: 'visibility'."""
    return formatting.format_axis(curve.axis, None).partition(" (")[0]
