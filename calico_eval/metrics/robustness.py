"""Robustness aggregates over corruptions and severities.

They are defined for any metric M of which higher is better (mAP, NDS, mIoU). With c a corruption, s
one of S severities and b a baseline model (another run; its name belongs to the figure):

    CE_c  = sum_s (1 - M_cs) / sum_s (1 - M^b_cs)      mCE = mean_c CE_c    [1]
    RR_c  = sum_s M_cs / (S M_clean)                   mRR = mean_c RR_c    [2] resilience rate
    RRA_c = sum_s M_cs / sum_s M^b_cs - 1              mRRA = mean_c RRA_c  relative resilience
    mPC   = mean_cs M_cs                                                    [3]
    RCE   = (M_clean - mPC) / M_clean                                       [4]

mCE is below 1 if the model beats the baseline. Negative values are legal. A missing cell is an
error
and never left out: every condition must have the same severities, and the baseline the same cells.

Source: [1] Hendrycks and Dietterich 2019; [2] RoboBEV, Xie et al. 2023; [3] Michaelis et al. 2019;
[4] Dong et al. 2023.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from calico.errors import CalicoError

Scores = Mapping[str, Mapping[int, float | None]]
"""Condition to severity (1..) to the metric; None for a cell without a value."""


@dataclass(frozen=True)
class Baseline:
    """Another model's scores on the same cells.

    Attributes:
        name: Name that goes with every figure made from it.
        scores: Its corrupted cells.
    """

    name: str
    scores: Scores


@dataclass(frozen=True)
class Robustness:
    """The aggregates of one model.

    An aggregate is None if its denominator is 0, for example mRR of a model that finds nothing even
    on clean data. mCE, mRRA, CE, RRA and baseline are None without a baseline.
    """

    mPC: float
    mRR: float | None
    RCE: float | None
    RR: dict[str, float | None]
    baseline: str | None
    mCE: float | None
    mRRA: float | None
    CE: dict[str, float | None] | None
    RRA: dict[str, float | None] | None


def aggregate_robustness(
    scores: Scores, clean: float, baseline: Baseline | None = None
) -> Robustness:
    """Compute all aggregates of one model.

    Args:
        scores: Corrupted cells; severity 0 (clean) does not belong here.
        clean: The metric without corruption.
        baseline: What CE and RRA compare with.

    Raises:
        CalicoError: There are no cells, a cell is missing (the message names it), or a severity is
            0.
    """
    cells = _complete(scores, "the model")
    sums = {name: sum(row.values()) for name, row in cells.items()}
    steps = len(next(iter(cells.values())))
    mean = sum(sums.values()) / (steps * len(sums))
    rate = {name: _ratio(total, steps * clean) for name, total in sums.items()}
    error: dict[str, float | None] | None = None
    advantage: dict[str, float | None] | None = None
    if baseline is not None:
        theirs = _baseline_sums(cells, baseline)
        error = {name: _ratio(steps - total, steps - theirs[name]) for name, total in sums.items()}
        advantage = {
            name: _ratio(total - theirs[name], theirs[name]) for name, total in sums.items()
        }
    return Robustness(
        mPC=mean,
        mRR=_mean(rate),
        RCE=_ratio(clean - mean, clean),
        RR=rate,
        baseline=None if baseline is None else baseline.name,
        mCE=None if error is None else _mean(error),
        mRRA=None if advantage is None else _mean(advantage),
        CE=error,
        RRA=advantage,
    )


def _complete(scores: Scores, whose: str) -> dict[str, dict[int, float]]:
    """Return the scores after checking that conditions and severities make a full rectangle."""
    severities = sorted({severity for row in scores.values() for severity in row})
    if not severities:
        raise CalicoError(
            f"robustness: {whose} has no cells, expected at least one condition with a severity"
        )
    if severities[0] < 1:
        raise CalicoError(
            f"robustness: got severity {severities[0]} of {whose}, expected 1 or more; clean is "
            "given apart"
        )
    cells: dict[str, dict[int, float]] = {}
    for name, row in scores.items():
        cells[name] = {}
        for severity in severities:
            value = row.get(severity)
            if value is None:
                raise CalicoError(
                    f"robustness: {whose} has no value for {name} at severity {severity}; every "
                    "condition needs the "
                    f"severities {severities}. Run the missing cells with --resume."
                )
            cells[name][severity] = value
    return cells


def _baseline_sums(cells: dict[str, dict[int, float]], baseline: Baseline) -> dict[str, float]:
    """Sum the baseline's scores over the model's severities."""
    sums = {}
    for name, row in cells.items():
        values = [baseline.scores.get(name, {}).get(severity) for severity in row]
        for severity, value in zip(row, values, strict=True):
            if value is None:
                raise CalicoError(
                    f"robustness: baseline {baseline.name} has no value for {name} at severity "
                    f"{severity}, which the model "
                    "has; run the baseline on the same cells"
                )
        sums[name] = sum(value for value in values if value is not None)
    return sums


def _ratio(numerator: float, denominator: float) -> float | None:
    return numerator / denominator if denominator else None


def _mean(values: Mapping[str, float | None]) -> float | None:
    """Average values; None as soon as one is None, so that nothing is left out silently."""
    known = [value for value in values.values() if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None
