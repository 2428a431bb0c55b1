"""Parameters of an attack: what it may change, how hard it searches, how it is scored."""

from __future__ import annotations

from reports.results_view import HEADLINES, ResultsView
from reports.schema import Condition

EFFORT = (
    "steps",
    "queries",
    "restarts",
    "step_share",
    "objective",
    "random_start",
    "straight_through",
    "fit_frames",
    "crafted_on",
)
"""Parameters that are no allowance: how hard an attack searches, for what, on which model."""
RULES = ("r_min_m",)
"""Parameters that hold for whoever changes points and give the attacker nothing.

They are in no budget.
"""
SUCCESS = "ASR"
"""Attack success rate, where the cells hold it."""


def attack_allowances(condition: Condition) -> dict[str, float | int | str | None]:
    """Return what an attack may change: its parameters without its effort."""
    return {name: value for name, value in condition.parameters.items() if name not in EFFORT}


def attack_effort(condition: Condition) -> dict[str, float | int | str | None]:
    """Return how hard an attack searches.

    The step's length follows from the steps unless the file says otherwise.
    """
    return {name: condition.parameters[name] for name in EFFORT if name in condition.parameters}


def attack_metrics(view: ResultsView) -> tuple[str, ...]:
    """Return the charted metrics, and the success rate where the file holds it."""
    return (*view.charted, *((SUCCESS,) if view.has_value(SUCCESS) else ()))


def title_of(metric: str) -> str:
    """Return the title of a metric: '3D detection, mAP', 'Attack success rate, ASR'."""
    return "Attack success rate, ASR" if metric == SUCCESS else HEADLINES.get(metric, metric)
