"""The sanity verdict of a run: S1 to S16 for every engine whose gradients an attack followed.

Some checks compare finished cells. The others run the model once, on a few frames, and are kept in
the run folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from calico_eval.attacks import ALGORITHMS
from calico_eval.attacks.sanity import TITLES, Checklist, active_checks, not_run
from calico_eval.engines.base import Engine
from calico_eval.engines.white_box import WhiteBoxEngine, as_white_box
from calico_eval.evaluation.inputs import EvaluationInputs
from calico_eval.evaluation.plan import EvaluationPlan
from calico_eval.evaluation.sanity_cells import CellChecks
from calico_eval.evaluation.store import RunStore
from calico_eval.evaluation.suites import spread_indices
from calico_eval.metrics.suffstats import FrameStats
from reports.schema import Cell, SanityCheck

CANDIDATES = 4
"""Number of frames, spread evenly, from which the active checks take those with most objects."""


def make_sanity_verdict(
    plan: EvaluationPlan,
    inputs: EvaluationInputs,
    cells: Mapping[str, Cell],
    stats: Mapping[str, Sequence[FrameStats]],
    store: RunStore,
    listen: Callable[[str], None] = lambda what: None,
) -> tuple[SanityCheck, ...]:
    """Make sixteen checks per attacked engine, in the order of the plan.

    Args:
        plan: Plan of the evaluation.
        inputs: Engines and frames.
        cells: Finished cells by id.
        stats: Frames of each cell by id.
        store: Keeps the active checks as they are made, so that a resumed run makes only what is
            missing and ends with the same bytes.
        listen: Hears of every group of active checks before it is made.

    Returns:
        The checks; empty without attacks by gradients.
    """
    checks: list[SanityCheck] = []
    models = {name: engine.model_name for name, engine in inputs.by_label.items()}
    for name, engine in list_attacked_engines(plan, inputs.by_label).items():
        active = _make_active_checks(plan, inputs, name, engine, store, listen)
        compared = CellChecks(plan, cells, stats, name, models).make_checks()
        checks += _join_checks(Checklist(engine.model_name, engine.name), compared, active)
    return tuple(checks)


def _make_active_checks(
    plan: EvaluationPlan,
    inputs: EvaluationInputs,
    name: str,
    engine: WhiteBoxEngine,
    store: RunStore,
    listen: Callable[[str], None],
) -> list[SanityCheck]:
    """Return the engine's active checks; make and store those that the store lacks."""
    positions = spread_indices(len(plan.indices), CANDIDATES)
    frames = [inputs.source[plan.indices[at]] for at in positions]
    specs = list(dict.fromkeys(j.attack for j in plan.jobs if j.source_engine == name and j.attack))
    known = store.load_sanity(name)
    groups = active_checks(engine, frames, specs, plan.seed, engine.sha256)
    for number, (group, make) in enumerate(groups.items(), start=1):
        if group not in known:
            listen(f"sanity of {name}, {number} of {len(groups)}: {group}")
            known[group] = tuple(make())
            store.save_sanity(name, known)
    return [check for group in known.values() for check in group]


def list_attacked_engines(
    plan: EvaluationPlan, engines: Mapping[str, Engine]
) -> dict[str, WhiteBoxEngine]:
    """List the engines whose gradients an attack of the plan follows.

    Args:
        plan: Plan of the evaluation.
        engines: Engines by label.
    """
    found: dict[str, WhiteBoxEngine] = {}
    for job in plan.jobs:
        attack, name = job.attack, job.source_engine
        if attack is None or name is None or ALGORITHMS[attack.name].access != "gradients":
            continue
        engine = as_white_box(engines[name])
        if engine is not None:
            found[name] = engine
    return found


def _join_checks(
    checklist: Checklist, cells: Sequence[SanityCheck], active: Sequence[SanityCheck]
) -> list[SanityCheck]:
    """Join all sixteen in order; what the cells say counts before the active check."""
    order = {
        **{check.id: check for check in active},
        **{check.id: check for check in cells if check.verdict != "NOT RUN"},
    }
    missing = {check.id: check for check in cells if check.id not in order}
    nothing = "does not apply to the attacks and sensors of this run"
    return [
        order.get(key) or missing.get(key) or not_run(checklist, key, nothing) for key in TITLES
    ]
