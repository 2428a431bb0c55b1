"""The report's first sentence: what was measured, and how much of the clean value is left."""

from __future__ import annotations

from reports import formatting, half_values, sanity_verdict
from reports.results_view import ResultsView, Series, value_ratio


def write_first_sentence(view: ResultsView, subject: Series) -> str:
    """Write the first sentence: corruptions at their severities, else curves, else attacks.

    Args:
        view: Look-ups over the results.
        subject: The series that the sentence is about.
    """
    if view.averaged_conditions(subject):
        return _corrupted(view, subject)
    if view.unused_corruptions(subject):
        return f"{subject.label}: no corruption changed a sensor that it uses."
    return (
        _halving(view, subject)
        or _attacked(view, subject)
        or f"{subject.label}: {_only(view, subject)}."
    )


def _only(view: ResultsView, subject: Series) -> str:
    """Say what the file holds without a comparison."""
    if all(cell.condition.kind == "clean" for cell in view.cells_of(subject)):
        return "only the clean run was measured"
    return "nothing was measured against a clean run"


def _corrupted(view: ResultsView, subject: Series) -> str:
    """Say how much of the clean value is kept on average, for each charted metric."""
    parts = []
    for metric in view.charted:
        kept = value_ratio(
            view.corruption_mean(subject, metric), view.clean_metric(subject, metric)
        )
        if kept is not None:
            parts.append(f"{formatting.format_percent(kept)} of its clean {metric}")
    if not parts:
        return f"{subject.label}: no corruption was measured against a clean run."
    conditions = view.averaged_conditions(subject)
    names = formatting.format_count(len({condition.name for condition in conditions}), "corruption")
    severities = formatting.format_severities({condition.severity for condition in conditions})
    return f"{subject.label} keeps {' and '.join(parts)}, averaged over {names} at {severities}."


def _halving(view: ResultsView, subject: Series) -> str:
    """Per curve, where its headline metric halves; '' without a curve."""
    found = []
    for curve in half_values.measured_curves(view, subject):
        metric = half_values.headline_metric(view, curve)
        half = curve.half[metric]
        at = (
            f"at {half_values.describe_half(half).place}"
            if half.value is not None
            else "nowhere on the curve"
        )
        what = f"under {formatting.to_words(curve.name)}, {metric} falls to half of its clean value"
        found.append(f"{what} {at} ({half_values.parameter_name(curve)})")
    return f"{subject.label}: {'; '.join(found)}." if found else ""


def _attacked(view: ResultsView, subject: Series) -> str:
    """Say how much of the clean value the worst attack on each metric leaves, or ''."""
    parts, failed = [], dict[str, None]()
    for metric in view.charted:
        point = view.worst_point(subject, metric, "attack")
        kept = (
            None if point is None else value_ratio(point.metric, view.clean_metric(subject, metric))
        )
        if point is not None and kept is not None:
            parts.append(f"{formatting.format_percent(kept)} of its clean {metric}")
            failed |= dict.fromkeys(
                sanity_verdict.suspect_condition(view, subject, point.condition)
            )
    if not parts:
        return ""
    doubt = (
        f" ({sanity_verdict.suspect_badge(tuple(failed))}: not to be relied on)" if failed else ""
    )
    which = "the worst attack" + (" on each" if len(parts) > 1 else "")
    return f"{subject.label} keeps {' and '.join(parts)} under {which}{doubt}."
