"""A number as the report shows it, with everything that belongs beside it."""

from __future__ import annotations

from dataclasses import dataclass

from reports import formatting
from reports.results_view import value_ratio
from reports.schema import Metric

SHADES = 10


@dataclass(frozen=True)
class Value:
    """A number as the report shows it.

    Attributes:
        text: The number with its unit.
        interval: Its interval.
        sample: Its sample.
        note: A remark.
        change: Change against the baseline.
        trend: 'better', 'worse' or 'same'.
        kept: Share of the clean value.
        shade: Shade of that share, 0 (all kept) to 10 (all lost).
        suspect: 'SUSPECT (S7)' where a failed sanity check forbids to rely on it.
    """

    text: str
    interval: str = ""
    sample: str = ""
    note: str = ""
    change: str = ""
    trend: str = "same"
    kept: str = ""
    shade: int | None = None
    suspect: str = ""


def show_value(
    metric: Metric | None, note: str = "", clean: Metric | None = None, old: Metric | None = None
) -> Value:
    """Make the shown value of a metric.

    Args:
        metric: The metric, or None where it was not run.
        note: A remark.
        clean: The clean value, to show how much of it is kept.
        old: The baseline's value, to show the change since.
    """
    change, trend = _change(metric, old)
    kept = value_ratio(metric, clean)
    reason = "" if metric is None or metric.value is not None else metric.reason or ""
    return Value(
        text=formatting.format_metric(metric),
        interval=formatting.format_interval(metric),
        sample=formatting.format_sample(metric),
        note=": ".join(part for part in (note, reason) if part),
        change=change,
        trend=trend,
        kept="" if kept is None else formatting.format_percent(kept),
        shade=None if kept is None else round(SHADES * (1 - min(max(kept, 0.0), 1.0))),
    )


def _change(metric: Metric | None, old: Metric | None) -> tuple[str, str]:
    """Format the change ('+1.2 pp'), and say whether it is 'better', 'worse' or the 'same'."""
    if metric is None or old is None or metric.value is None or old.value is None:
        return "", "same"
    text = formatting.format_delta(metric.value, old.value, metric.unit)
    if not any(digit in text for digit in "123456789"):
        return text, "same"
    return text, "better" if (metric.value > old.value) == metric.higher_is_better else "worse"
