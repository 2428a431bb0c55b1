"""The sanity verdict of a run: S1 to S16 for every engine whose gradients an attack followed.

What compares finished cells is made from them; what runs the model is made once, on a few frames, and kept in the run folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from calico.data.source import FrameSource
from calico_eval.attacks import ALGORITHMS
from calico_eval.attacks.sanity import TITLES, Sheet, active_checks, not_run
from calico_eval.engines.base import Engine
from calico_eval.engines.white_box import WhiteBoxEngine, as_white_box
from calico_eval.evaluation.plan import EvaluationPlan
from calico_eval.evaluation.sanity_cells import CellChecks
from calico_eval.evaluation.store import RunStore
from calico_eval.evaluation.suites import spread
from calico_eval.metrics.suffstats import FrameStats
from reports.schema import Cell, SanityCheck

CANDIDATES = 4
"""Frames of the run, spread evenly, of which the active checks take those with most objects."""


def sanity_verdict(
    plan: EvaluationPlan,
    engines: Mapping[str, Engine],
    source: FrameSource,
    cells: Mapping[str, Cell],
    stats: Mapping[str, Sequence[FrameStats]],
    store: RunStore,
    told: Callable[[str], None] = lambda what: None,
) -> tuple[SanityCheck, ...]:
    """Sixteen checks per attacked engine, in the order of the plan; none without attacks by gradients.

    Args:
        engines: by label. cells, stats: of the finished run, by id.
        store: keeps the active checks as they are made, so that a resumed run ends with the same bytes and makes only what is
            missing.
        told: hears of every group of active checks before it is made.
    """
    checks: list[SanityCheck] = []
    models = {name: engine.model_name for name, engine in engines.items()}
    for name, engine in attacked_engines(plan, engines).items():
        active = _active(plan, name, engine, source, store, told)
        checks += _joined(
            Sheet(engine.model_name, engine.name),
            CellChecks(plan, cells, stats, name, models).all(),
            active,
        )
    return tuple(checks)


def _active(
    plan: EvaluationPlan,
    name: str,
    engine: WhiteBoxEngine,
    source: FrameSource,
    store: RunStore,
    told: Callable[[str], None],
) -> list[SanityCheck]:
    """The engine's active checks: those that the store has, and the others, made and stored one group after the other."""
    frames = [source[plan.indices[at]] for at in spread(len(plan.indices), CANDIDATES)]
    specs = list(
        dict.fromkeys(
            j.condition.attack for j in plan.jobs if j.crafted_on == name and j.condition.attack
        )
    )
    known = store.load_sanity(name)
    groups = active_checks(engine, frames, specs, plan.seed, engine.sha256)
    for number, (group, make) in enumerate(groups.items(), start=1):
        if group not in known:
            told(f"sanity of {name}, {number} of {len(groups)}: {group}")
            known[group] = tuple(make())
            store.save_sanity(name, known)
    return [check for group in known.values() for check in group]


def attacked_engines(
    plan: EvaluationPlan, engines: Mapping[str, Engine]
) -> dict[str, WhiteBoxEngine]:
    """The engines, by label, whose gradients an attack of the plan follows."""
    found: dict[str, WhiteBoxEngine] = {}
    for job in plan.jobs:
        attack = job.condition.attack
        if (
            attack is not None
            and ALGORITHMS[attack.name].access == "gradients"
            and job.crafted_on is not None
        ):
            engine = as_white_box(engines[job.crafted_on])
            if engine is not None:
                found[job.crafted_on] = engine
    return found


def _joined(
    sheet: Sheet, cells: Sequence[SanityCheck], active: Sequence[SanityCheck]
) -> list[SanityCheck]:
    """All sixteen, in order: what the cells say, where they say something, else the active check."""
    order = {
        **{check.id: check for check in active},
        **{check.id: check for check in cells if check.verdict != "NOT RUN"},
    }
    missing = {check.id: check for check in cells if check.id not in order}
    nothing = "does not apply to the attacks and sensors of this run"
    return [order.get(id) or missing.get(id) or not_run(sheet, id, nothing) for id in TITLES]  # noqa: A001
