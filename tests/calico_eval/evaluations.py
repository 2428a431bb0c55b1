"""Short ways to plan and run an evaluation, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from calico.data.source import FrameSource
from calico_eval.engines.base import Engine
from calico_eval.evaluation.assignments import EngineRoles
from calico_eval.evaluation.inputs import EvaluationInputs
from calico_eval.evaluation.options import Listeners, RunOptions
from calico_eval.evaluation.plan import ConditionChoice, EvaluationPlan, make_plan
from calico_eval.evaluation.run import run_evaluation
from reports.schema import Results


def _take(kind: type, settings: dict[str, Any]) -> dict[str, Any]:
    names = [field.name for field in fields(kind)]
    return {name: settings.pop(name) for name in names if name in settings}


def plan_for(
    engines: Sequence[Engine],
    source: FrameSource,
    fit_source: FrameSource | None = None,
    **settings: Any,
) -> EvaluationPlan:
    """Make a plan; the settings are those of `make_plan` and the fields of its dataclasses."""
    choice = ConditionChoice(**_take(ConditionChoice, settings))
    roles = EngineRoles(**_take(EngineRoles, settings))
    inputs = EvaluationInputs(engines, source, fit_source)
    return make_plan(inputs, choice, roles=roles, **settings)


def run_for(
    plan: EvaluationPlan,
    engines: Sequence[Engine],
    source: FrameSource,
    out: Path,
    fit_source: FrameSource | None = None,
    **options: Any,
) -> Results:
    """Run a plan; the options are the fields of `RunOptions` and `Listeners`."""
    listeners = Listeners(**_take(Listeners, options))
    chosen = RunOptions(**({"title": "t"} | options))
    return run_evaluation(
        plan, EvaluationInputs(engines, source, fit_source), out, chosen, listeners
    )
