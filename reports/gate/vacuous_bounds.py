"""Refuse bounds that say nothing.

They are in percent, met by every value that the metric can have, or met by none.
"""

from __future__ import annotations

import math
from collections.abc import Collection

from reports.errors import ReportError
from reports.gate.rules import Rule
from reports.known_metrics import limits_of

SLACK = 1e-12
"""Slack of every comparison of the gate, so that 0.40 -> 0.38 is a drop of 0.02."""
FRACTIONS = ("mPC", "RCE")
"""Aggregates of 1 at most. The others are ratios, for which a bound of 1.2 makes sense."""
LARGEST_RATIO = 10.0


def refuse_vacuous(rule: Rule, found: Collection[tuple[str, str]]) -> None:
    """Refuse a rule with a bound that can never fail, or never pass, for any matching metric.

    Args:
        rule: The rule.
        found: (name, unit) of the metrics or aggregates that it matches. It may be empty.

    Raises:
        ReportError: It says which bound, and what its metric can be.
    """
    _refuse_percent(rule, found)
    limits = [limits_of(name, unit, aggregate=rule.aggregate is not None) for name, unit in found]
    if rule.relative_to_clean_min is not None and rule.relative_to_clean_min <= SLACK:
        raise _fault(
            rule, "relative_to_clean_min", "every value keeps at least this share of the clean one"
        )
    if not limits:
        return
    names = ", ".join(sorted({name for name, _ in found})[:3]) + (
        ", ..." if len({name for name, _ in found}) > 3 else ""
    )
    low, high = min(low for low, _ in limits), max(high for _, high in limits)
    between = f"{names} lies from {low:g} to {high:.6g}"
    if rule.min is not None and all(rule.min <= low + SLACK for low, _ in limits):
        raise _fault(rule, "min", between)
    if rule.max is not None and all(rule.max >= high - SLACK for _, high in limits):
        raise _fault(rule, "max", between)
    widest = max(high - low if math.isfinite(high - low) else math.inf for low, high in limits)
    if rule.max_drop is not None and rule.max_drop >= widest - SLACK:
        raise _fault(rule, "max_drop", between)
    if rule.min is not None and rule.min > high + SLACK:
        raise _fault(rule, "min", between, "never pass")
    if rule.max is not None and rule.max < low - SLACK:
        raise _fault(rule, "max", between, "never pass")


def _fault(rule: Rule, kind: str, why: str, what: str = "never fail") -> ReportError:
    bound = getattr(rule, kind)
    return ReportError(
        f"the rule '{rule.to_text()}': {kind}: {bound:g} can {what}: {why}; give another bound"
    )


def _refuse_percent(rule: Rule, found: Collection[tuple[str, str]]) -> None:
    """Refuse a bound above 1 where all that the rule matches are fractions, above 10 for ratios."""
    fractions = {unit for _, unit in found} == {"fraction"}
    ratios = rule.aggregate is not None and any(
        name.rpartition("/")[2] not in FRACTIONS for name, _ in found
    )
    for kind in ("min", "max", "max_drop", "relative_to_clean_min"):
        bound = getattr(rule, kind)
        largest = LARGEST_RATIO if ratios and kind in ("min", "max") else 1.0
        if bound is not None and bound > largest and (kind == "relative_to_clean_min" or fractions):
            hint = f"; did you mean {bound / 100:g}?" if bound <= 100 * largest else ""
            wanted = "a fraction 0..1" if largest == 1 else "a ratio, where 1 is 100 %"
            raise ReportError(
                f"the rule '{rule.to_text()}': {kind} is {bound:g}, expected {wanted}{hint}"
            )
