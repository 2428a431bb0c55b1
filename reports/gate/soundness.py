"""What must be sound before a number can pass the gate.

These are the checks that its cell recorded, and the attacks behind it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reports import formatting, sanity_verdict
from reports.gate.bounds import Context, Outcome
from reports.gate.report import BoundKind, DemandKind, GateCheck
from reports.gate.rules import Rules
from reports.schema import Cell, Check

PREDICTIONS = "files"
"""Engine of predictions that were made elsewhere (`calico_eval.engines.predictions`).

The run has not seen their frames.
"""


def failed_checks(context: Context, rules: Rules) -> Iterator[GateCheck]:
    """Yield a gate check for each effect or budget check that failed or was never made.

    Figures under a corruption that changed nothing, or of an attack beyond its budget, do not mean
    what they are called.

    Args:
        context: What the gate may look at.
        rules: The rules, for what they accept.
    """
    for cell in context.view.results.cells:
        for kind, check in _asked(cell, rules):
            if check is None or not check.passed:
                yield _not_passed(context, cell, kind, check)


def _asked(cell: Cell, rules: Rules) -> Iterator[tuple[DemandKind, Check | None]]:
    """Yield the checks that a cell must have passed.

    They are those that it has, the effect of a corruption, and the budget of an attack.
    """
    unseen = cell.engine == PREDICTIONS and "predictions_without_effect_check" in rules.accept
    if cell.effect is not None or (cell.condition.kind in ("corruption", "curve") and not unseen):
        yield "effect", cell.effect
    if cell.budget is not None or cell.condition.kind == "attack":
        yield "budget", cell.budget


def _not_passed(context: Context, cell: Cell, kind: DemandKind, check: Check | None) -> GateCheck:
    if check is not None:
        measured = formatting.format_parameters(check.measured)
        message = f"the {kind} check failed: {check.message or 'no reason was recorded'}" + (
            f" ({measured})" if measured else ""
        )
    elif cell.engine == PREDICTIONS:
        message = (
            "no effect check: the predictions were made on frames that this run has not seen; "
            "accept: [predictions_without_effect_check] in the rules lets them pass"
        )
    else:
        message = f"no {kind} check was recorded: not run is not passed"
    return GateCheck(
        state="error" if check is None else "failed",
        rule=None,
        bound_kind=kind,
        bound=None,
        observed=None,
        message=message,
        metric=f"{kind} check",
        model=cell.model,
        engine=cell.engine,
        condition=context.describe_cell(cell),
        cell=cell.id,
    )


def doubt_outcome(
    context: Context, rules: Rules, kind: BoundKind, cell: Cell | None, outcome: Outcome
) -> Outcome:
    """Reduce the outcome of a bound to what the attack and the baseline's check allow.

    An attack that does not work can only hide harm. A bound that is missed in spite of it stays
    missed. One that is met is inconclusive where a sanity check failed, and an error where none was
    made. A loss against a suspect baseline may be the attack's repair instead.

    Args:
        context: What the gate may look at.
        rules: The rules, for what they accept.
        kind: Kind of the bound.
        cell: Cell of the number, or None for an aggregate.
        outcome: Outcome of the comparison alone.
    """
    if outcome.state == "error" or cell is None:
        return outcome
    if outcome.state == "passed":
        ours = context.view.sanity.find_failed_checks(cell)
        if ours:
            message = (
                f"{outcome.message}; attack figures are {sanity_verdict.suspect_badge(ours)}: no "
                f"pass"
            )
            return replace(outcome, state="inconclusive", message=message)
        if (
            "attacks_without_sanity_verdict" not in rules.accept
            and context.view.sanity.is_unchecked(cell)
        ):
            message = (
                f"{outcome.message}; no sanity check of this attack was run: not run is not passed "
                "(accept: [attacks_without_sanity_verdict] in the rules lets it pass)"
            )
            return replace(outcome, state="error", message=message)
    doubt = _doubt_of_baseline(context, cell) if kind == "max_drop" else ""
    return (
        replace(outcome, state="inconclusive", message=f"{outcome.message}; {doubt}")
        if doubt
        else outcome
    )


def _doubt_of_baseline(context: Context, cell: Cell) -> str:
    """Say why the baseline's figure may not mean what it is called, or ''."""
    old = context.before.find_twin(cell) if context.before else None
    if old is None or context.before is None:
        return ""
    theirs = context.before.sanity.find_failed_checks(old)
    if theirs:
        return f"the baseline's attack figures are {sanity_verdict.suspect_badge(theirs)}"
    failed = [
        kind
        for kind, check in (("effect", old.effect), ("budget", old.budget))
        if check and not check.passed
    ]
    return f"the baseline's {' and '.join(failed)} check failed" if failed else ""
