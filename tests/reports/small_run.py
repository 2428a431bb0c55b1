"""A small run whose numbers are read off by eye, and one rule asked of it."""

from typing import Any

from reports.gate.evaluate import GateReport, evaluate_rules
from reports.gate.rules import Rule, Rules
from reports.schema import Cell, Check, Condition, Metric, Results


def metric(
    value: float | None, higher: bool = True, n_frames: int = 80, unit: str = "fraction"
) -> Metric:
    reason = None if value is not None else "no object"
    return Metric(
        value=value,
        reason=reason,
        n_frames=n_frames,
        n_scenes=10,
        higher_is_better=higher,
        unit=unit,
    )


def cell(kind: str, name: str, severity: int = 0, model: str = "m", **metrics: Metric) -> Cell:
    parameters: dict[str, Any] = (
        {"eps": 4} if kind == "attack" else {"level": severity} if severity else {}
    )
    condition = Condition(kind=kind, name=name, severity=severity, parameters=parameters)
    sound = Check(passed=True, measured={"changed": 1})
    return Cell(
        id=f"{model}-{name}-{severity}",
        model=model,
        engine="torch",
        condition=condition,
        seed=0,
        metrics=metrics,
        effect=sound if kind == "corruption" else None,
        budget=sound if kind == "attack" else None,
    )


CELLS = (
    cell(
        "clean",
        "clean",
        mAP=metric(0.40),
        mATE=metric(0.5, higher=False, unit="m"),
        AP_bus=metric(None),
    ),
    cell("corruption", "fog", 1, mAP=metric(0.30), mATE=metric(0.6, higher=False, unit="m")),
    cell("corruption", "fog", 3, mAP=metric(0.20), mATE=metric(0.8, higher=False, unit="m")),
    cell("attack", "pgd", mAP=metric(0.10)),
)


def gate(results: Results, baseline: Results | None = None, **rule: Any) -> GateReport:
    return evaluate_rules(results, Rules(rules=(Rule(**rule),)), baseline)


def shifted(results: Results, name: str, value: float | None, **changes: Any) -> Results:
    """The same file with another clean value of one metric."""
    old = results.cells[0].metrics[name]
    new = Metric(
        **{
            **old.model_dump(),
            "value": value,
            "reason": None if value is not None else "x",
            **changes,
        }
    )
    first = results.cells[0].model_copy(update={"metrics": {**results.cells[0].metrics, name: new}})
    return results.model_copy(update={"cells": (first, *results.cells[1:])})
