"""A number as the report shows it, with everything that belongs beside it."""

from __future__ import annotations

from dataclasses import dataclass

from reports import formatting
from reports.results_view import value_ratio
from reports.schema import Metric

SHADES = 10


@dataclass(frozen=True)
class Value:
    """Text, interval, sample; change against the baseline; share of the clean value and its shade (0 all kept .. 10 all lost).

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
    """The value of `metric`; with `clean`, how much of it is kept; with `old`, the change since the baseline."""
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
    """'+1.2 pp' and whether that is 'better', 'worse' or, as far as shown, the 'same'."""
    if metric is None or old is None or metric.value is None or old.value is None:
        return "", "same"
    text = formatting.format_delta(metric.value, old.value, metric.unit)
    if not any(digit in text for digit in "123456789"):
        return text, "same"
    return text, "better" if (metric.value > old.value) == metric.higher_is_better else "worse"
