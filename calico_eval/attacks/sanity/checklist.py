"""The names of the checks, and how one is filled in."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from reports.schema import SanityCheck

Verdict = Literal["PASS", "WARN", "FAIL", "NOT RUN"]
Measured = float | int | str | None

TITLES = {
    "S1": "Budget zero gives the clean predictions",
    "S2": "Damage grows with the budget",
    "S3": "An unbounded attack hides everything",
    "S4": "More steps never help the defender",
    "S5": "Stronger algorithms do more harm (APGD, PGD, FGSM, noise)",
    "S6": "White-box does more harm than black-box and transfer",
    "S7": "Gradients reach every view, sensor, branch and object",
    "S8": "Gradients agree with finite differences",
    "S9": "The attack's own objective rose on every attacked frame",
    "S10": "Forward passes repeat bit for bit",
    "S11": "The steps can cross the threat set",
    "S12": "More restarts add nothing",
    "S13": "A deliberate weakness is found",
    "S14": "The attack changed neither the model nor the clean frames",
    "S15": "The gradient through pillar changes is the stronger one",
    "S16": "Random noise of the same norm is far weaker",
}

_ORDER: tuple[Verdict, ...] = ("NOT RUN", "PASS", "WARN", "FAIL")


def worst_verdict(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst verdict: FAIL before WARN before PASS; NOT RUN without any."""
    return max(verdicts, key=_ORDER.index, default="NOT RUN")


def compare_harm(strong: float, weak: float) -> Verdict:
    """Compare an attack that should do more harm with one that should do less, on one frame.

    Args:
        strong: Harm of the stronger attack.
        weak: Harm of the weaker one.

    Returns:
        PASS if the stronger one reaches 90 % of the weaker one, FAIL below half.
    """
    if weak <= 0 or strong >= 0.9 * weak:
        return "PASS"
    return "WARN" if strong >= 0.5 * weak else "FAIL"


@dataclass(frozen=True)
class Checklist:
    """The engine that is checked."""

    model: str
    engine: str

    def check(
        self,
        id: str,  # noqa: A002
        verdict: Verdict,
        message: str,
        **measured: Measured,
    ) -> SanityCheck:
        """Return one check; numbers that are not finite become None.

        Args:
            id: Number of the check.
            verdict: The verdict.
            message: What was measured, in words.
            measured: Figures by name.
        """
        return SanityCheck(
            id=id,
            title=TITLES[id],
            model=self.model,
            engine=self.engine,
            verdict=verdict,
            measured={name: _finite(value) for name, value in measured.items()},
            message=message,
        )


def not_run(checklist: Checklist, id: str, why: str) -> SanityCheck:  # noqa: A002
    """Return a check that could not be made.

    Args:
        checklist: The engine's checks.
        id: Number of the check.
        why: The reason.
    """
    return checklist.check(id, "NOT RUN", why)


def _finite(value: Measured) -> Measured:
    return None if isinstance(value, float) and not math.isfinite(value) else value
