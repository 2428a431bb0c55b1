"""Cells of curves: fog at its visibilities, and an attack at its budgets."""

from reports.results_view import ResultsView
from reports.schema import Cell, Condition, Metric, Results
from reports.svg.curve_panels import Panel


def cell(condition: Condition, value: float, engine: str = "torch", **details: str) -> Cell:
    metrics = {"mAP": Metric(value=value, n_frames=5, n_scenes=2)}
    identity = f"{condition.name}{condition.severity}{condition.parameters}{engine}"
    return Cell(
        id=identity,
        model="fused",
        engine=engine,
        condition=condition,
        seed=0,
        metrics=metrics,
        details=details,
    )


def view(results: Results, *cells: Cell) -> ResultsView:
    return ResultsView(results.model_copy(update={"cells": cells, "summary": {}}))


def fog(severity: int, visibility: float) -> Condition:
    parameters: dict[str, float | int | str | None] = {"visibility_m": visibility}
    return Condition(
        kind="corruption",
        name="fog",
        severity=severity,
        parameters=parameters,
        axis="visibility_m",
        unit="m",
    )


def pgd(eps: float, steps: int, name: str = "camera_pgd") -> Condition:
    return Condition(
        kind="attack",
        name=name,
        parameters={"eps": eps, "steps": steps},
        axis="eps",
        unit="/255",
        sensors=("camera",),
    )


def column(panel: Panel) -> list[str]:
    return [value.text for row in panel.rows for value in row.values[:1] if value]


CLEAN = cell(Condition(kind="clean", name="clean"), 0.6)
