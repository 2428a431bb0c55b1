"""Failed and missing checks never pass the gate."""

from __future__ import annotations

from typing import Any

import pytest

from reports.gate.evaluate import ExitCode, GateReport, evaluate_rules
from reports.gate.rules import Rule, Rules
from reports.schema import Cell, Check, Results

EASY = Rule(metric="mAP", condition="clean", min=0.1)
ATTACKED = Rule(metric="mAP", kind="attack", condition="camera_pgd", min=0.01)
FAILED = Check(passed=False, measured={"points_changed": 0.0}, message="nothing changed")


def check(results: Results, *rules: Rule, **more: Any) -> GateReport:
    return evaluate_rules(results, Rules(rules=rules or (EASY,), **more))


def with_checks(
    results: Results, kinds: tuple[str, ...], what: str, value: Check | None
) -> Results:
    cells = tuple(
        c.model_copy(update={what: value}) if c.condition.kind in kinds else c
        for c in results.cells
    )
    return results.model_copy(update={"cells": cells})


@pytest.mark.parametrize(
    ("kinds", "what"),
    [
        (("corruption",), "effect"),
        (("curve",), "effect"),
        (("attack",), "budget"),
        (("attack",), "effect"),
        (("corruption", "curve", "attack"), "effect"),
    ],
)
def test_a_failed_check_fails_the_gate_whichever_rules_there_are(
    whole: Results, kinds: tuple[str, ...], what: str
) -> None:
    assert check(whole).passed
    report = check(with_checks(whole, kinds, what, FAILED))
    assert report.exit_code == ExitCode.REGRESSION
    failed = [one for one in report.checks if one.state == "failed"]
    assert len(failed) == sum(cell.condition.kind in kinds for cell in whole.cells)
    assert {one.bound_kind for one in failed} == {what}
    assert failed[0].message == f"the {what} check failed: nothing changed (points changed\u00a00)"


@pytest.mark.parametrize(
    ("kinds", "what"),
    [(("corruption",), "effect"), (("curve",), "effect"), (("attack",), "budget")],
)
def test_a_check_that_was_not_made_does_not_pass(
    whole: Results, kinds: tuple[str, ...], what: str
) -> None:
    report = check(with_checks(whole, kinds, what, None))
    assert report.exit_code == ExitCode.REGRESSION
    assert {one.state for one in report.checks} == {"passed", "error"}
    assert report.checks[-1].message == f"no {what} check was recorded: not run is not passed"


def test_a_single_failed_check_is_enough(whole: Results) -> None:
    broken = whole.cells[1].model_copy(update={"effect": FAILED})
    report = check(whole.model_copy(update={"cells": (whole.cells[0], broken, *whole.cells[2:])}))
    assert [one.cell for one in report.checks if one.state == "failed"] == [broken.id]


def test_predictions_made_elsewhere_pass_only_where_the_rules_accept_that_nothing_saw_their_frames(
    whole: Results,
) -> None:
    kept = [
        cell
        for cell in whole.cells
        if cell.engine == "torch" and cell.condition.kind in ("clean", "corruption")
    ]
    cells = tuple(cell.model_copy(update={"engine": "files", "effect": None}) for cell in kept)
    elsewhere = whole.model_copy(update={"cells": cells, "summary": {}, "sanity": (), "curves": ()})
    refused = check(elsewhere)
    assert refused.exit_code == ExitCode.REGRESSION
    assert "accept: [predictions_without_effect_check]" in refused.checks[-1].message
    assert check(elsewhere, accept=("predictions_without_effect_check",)).passed
    failed = with_checks(elsewhere, ("corruption",), "effect", FAILED)
    assert not check(failed, accept=("predictions_without_effect_check",)).passed
    ours = with_checks(whole, ("corruption",), "effect", None)
    assert not check(
        ours, accept=("predictions_without_effect_check",)
    ).passed  # of our own engines, none is missing


@pytest.mark.parametrize("left", ["none", "all not run", "of another model"])
def test_an_attack_without_a_sanity_check_does_not_pass(whole: Results, left: str) -> None:
    sanity = {
        "none": (),
        "all not run": tuple(one.model_copy(update={"verdict": "NOT RUN"}) for one in whole.sanity),
        "of another model": tuple(
            one.model_copy(update={"model": "other"}) for one in whole.sanity
        ),
    }[left]
    unchecked = whole.model_copy(update={"sanity": sanity})
    assert check(whole, ATTACKED).passed
    report = check(unchecked, ATTACKED)
    assert report.exit_code == ExitCode.REGRESSION
    assert {one.state for one in report.checks} == {"error"}
    assert "no sanity check of this attack was run" in report.checks[0].message
    for rule in (
        Rule(metric="*", kind="attack", condition="camera_pgd", max=1.9),
        Rule(metric="ASR", max=0.9),
    ):
        assert not check(unchecked, rule).passed
    assert check(unchecked).passed  # a rule about clean frames rests on no attack
    assert check(
        unchecked, Rule(metric="mAP", condition="camera_noise", min=0.01)
    ).passed  # noise looks at no model
    assert check(unchecked, ATTACKED, accept=("attacks_without_sanity_verdict",)).passed


def test_a_missed_bound_stays_missed_without_a_sanity_check(whole: Results) -> None:
    unchecked = whole.model_copy(update={"sanity": ()})
    report = check(unchecked, ATTACKED.model_copy(update={"min": 0.5}))
    assert {one.state for one in report.checks} == {"failed"}


def test_a_transfer_attack_is_checked_on_the_model_that_it_was_made_on(whole: Results) -> None:
    def renamed(cell: Cell) -> Cell:
        return cell.model_copy(update={"model": "other"}) if cell.engine == "onnx" else cell

    two = whole.model_copy(
        update={"cells": tuple(renamed(cell) for cell in whole.cells), "summary": {}, "curves": ()}
    )
    assert check(two, ATTACKED).passed
    alone = two.model_copy(
        update={
            "cells": tuple(
                c.model_copy(update={"details": {}}) if c.model == "other" else c for c in two.cells
            )
        }
    )
    assert [(one.model, one.state) for one in check(alone, ATTACKED).checks] == [
        ("m", "passed"),
        ("m", "passed"),
        ("other", "error"),
        ("other", "error"),
    ]


def test_a_loss_against_a_figure_whose_check_failed_is_no_measure(whole: Results) -> None:
    """An attack beyond its budget makes a low figure, which any run beats."""
    weak = with_checks(whole, ("attack",), "budget", FAILED)
    rule = Rule(metric="mAP", condition="camera_pgd", max_drop=0.02)
    report = evaluate_rules(whole, Rules(rules=(rule,)), weak)
    assert {one.state for one in report.checks} == {"inconclusive"}
    assert report.checks[0].message.endswith("the baseline's budget check failed")
    assert report.exit_code == ExitCode.INCONCLUSIVE
    assert evaluate_rules(whole, Rules(rules=(rule,)), whole).passed
