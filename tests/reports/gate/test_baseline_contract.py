"""A baseline is a contract: whatever it held and the run lacks fails the gate, whichever rules
there are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reports.gate.evaluate import ExitCode, GateReport, evaluate_rules
from reports.gate.rules import Rule, Rules
from reports.schema import Cell, Metric, Results

RULES = {
    "one metric": Rule(metric="mAP", condition="clean", min=0.1),
    "drop": Rule(metric="mAP", max_drop=0.02),
    "classes": Rule(metric="AP/*", max_drop=0.02),
    "aggregates": Rule(aggregate="*/mPC", min=0.1),
    "wildcard": Rule(metric="*", model="*", engine="*", condition="*", max_drop=0.9),
}


def check(results: Results, baseline: Results, *rules: Rule) -> GateReport:
    return evaluate_rules(results, Rules(rules=rules or tuple(RULES.values())), baseline)


def without_cells(results: Results, gone: Callable[[Cell], bool]) -> Results:
    return results.model_copy(
        update={"cells": tuple(cell for cell in results.cells if not gone(cell))}
    )


def with_metrics(
    results: Results, change: Callable[[Cell, dict[str, Metric]], dict[str, Metric]]
) -> Results:
    cells = tuple(
        c.model_copy(update={"metrics": change(c, dict(c.metrics))}) for c in results.cells
    )
    return results.model_copy(update={"cells": cells})


def without_metric(
    results: Results, name: str, where: Callable[[Cell], bool] = lambda cell: True
) -> Results:
    return with_metrics(
        results,
        lambda cell, all_of: {n: m for n, m in all_of.items() if n != name or not where(cell)},
    )


def undefined(results: Results, name: str) -> Results:
    def change(cell: Cell, found: dict[str, Metric]) -> dict[str, Metric]:
        nothing = {"value": None, "lo": None, "hi": None, "reason": "the model has no such head"}
        return found | {name: found[name].model_copy(update=nothing)}

    return with_metrics(results, change)


def fewer(results: Results, name: str, **changes: int) -> Results:
    return with_metrics(
        results, lambda cell, found: found | {name: found[name].model_copy(update=changes)}
    )


def with_provenance(results: Results, **changes: Any) -> Results:
    return results.model_copy(update={"provenance": results.provenance.model_copy(update=changes)})


def without_checks(results: Results, what: str, kind: str) -> Results:
    cells = tuple(
        c.model_copy(update={what: None}) if c.condition.kind == kind else c for c in results.cells
    )
    return results.model_copy(update={"cells": cells})


def without_aggregate(results: Results, name: str) -> Results:
    kept = {
        label: {n: m for n, m in found.items() if n != name}
        for label, found in results.summary.items()
    }
    return results.model_copy(update={"summary": kept})


LEFT_OUT: dict[str, Callable[[Results], Results]] = {
    "a condition": lambda r: without_cells(
        r, lambda c: c.condition.kind == "corruption" and c.condition.name == "fog"
    ),
    "a severity": lambda r: without_cells(r, lambda c: c.condition.severity == 3),
    "one cell of one engine": lambda r: without_cells(r, lambda c: c.id == r.cells[-4].id),
    "an engine": lambda r: without_cells(r, lambda c: c.engine == "onnx"),
    "the clean cells": lambda r: without_cells(r, lambda c: c.condition.kind == "clean"),
    "all attacks": lambda r: without_cells(r, lambda c: c.condition.kind == "attack"),
    "an attack of more steps": lambda r: without_cells(
        r, lambda c: c.condition.parameters.get("steps") == 20
    ),
    "the control": lambda r: without_cells(r, lambda c: c.condition.control),
    "a point of the curve": lambda r: without_cells(
        r, lambda c: c.condition.parameters.get("visibility_m") == 50.0
    ),
    "everything": lambda r: r.model_copy(
        update={"cells": (), "summary": {}, "sanity": (), "curves": ()}
    ),
    "a class": lambda r: without_metric(r, "AP/bus"),
    "a class in one cell": lambda r: without_metric(r, "AP/bus", lambda c: c.id == r.cells[1].id),
    "the map head": lambda r: without_metric(r, "mIoU"),
    "the map head, undefined": lambda r: undefined(r, "mIoU"),
    "the success rate": lambda r: without_metric(r, "ASR"),
    "frames of one metric": lambda r: fewer(r, "mIoU", n_frames=7),
    "scenes of one metric": lambda r: fewer(r, "mIoU", n_scenes=3),
    "objects of a class": lambda r: fewer(r, "AP/bus", n_objects=9),
    "frames": lambda r: with_provenance(r, n_frames=7, frames_hash="other"),
    "scenes": lambda r: with_provenance(r, n_scenes=3),
    "effect checks": lambda r: without_checks(r, "effect", "corruption"),
    "effect checks of attacks": lambda r: without_checks(r, "effect", "attack"),
    "budget checks": lambda r: without_checks(r, "budget", "attack"),
    "the sanity verdict": lambda r: r.model_copy(update={"sanity": ()}),
    "a sanity check": lambda r: r.model_copy(update={"sanity": r.sanity[1:]}),
    "a sanity check, not run": lambda r: r.model_copy(
        update={"sanity": (r.sanity[0].model_copy(update={"verdict": "NOT RUN"}), *r.sanity[1:])}
    ),
    "an aggregate": lambda r: without_aggregate(r, "mAP/mRR"),
    "the mCE": lambda r: without_aggregate(r, "mAP/mCE"),
    "all aggregates": lambda r: r.model_copy(update={"summary": {}}),
    "a sensor": lambda r: r.model_copy(
        update={"models": (r.models[0].model_copy(update={"sensors": ("lidar",)}),)}
    ),
    "a curve": lambda r: r.model_copy(update={"curves": r.curves[1:]}),
    "a metric of the curves": lambda r: r.model_copy(
        update={"curves": tuple(c.model_copy(update={"half": {}}) for c in r.curves)}
    ),
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("what", LEFT_OUT)
def test_what_is_left_out_fails_whichever_rules_there_are(
    whole: Results, what: str, rule: str
) -> None:
    assert check(whole, whole, RULES[rule]).passed
    report = check(LEFT_OUT[what](whole), whole, RULES[rule])
    assert not report.passed
    assert report.exit_code == ExitCode.REGRESSION
    lost = [one for one in report.checks if one.bound_kind == "baseline"]
    assert lost, "the contract itself says what is missing"
    assert {one.state for one in lost} == {"failed"}
    assert all(one.rule is None and one.message for one in lost)


def renamed(results: Results) -> Results:
    """The same results of a model of another name."""
    text = (
        results.model_dump_json()
        .replace('"model":"m"', '"model":"old"')
        .replace('"name":"m"', '"name":"old"')
    )
    return Results.model_validate_json(
        text.replace('"m/', '"old/').replace("baseline m/", "baseline old/")
    )


@pytest.mark.parametrize("what", LEFT_OUT)
def test_a_baseline_of_another_name_is_a_contract_as_well(whole: Results, what: str) -> None:
    assert "m/" not in renamed(whole).model_dump_json().replace("m/s", "")
    assert check(whole, renamed(whole)).passed
    assert check(LEFT_OUT[what](whole), renamed(whole)).exit_code == ExitCode.REGRESSION


@pytest.mark.parametrize("what", LEFT_OUT)
def test_what_the_baseline_lacked_is_no_fault_of_the_run(whole: Results, what: str) -> None:
    shorter = LEFT_OUT[what](whole)
    if what in ("frames", "scenes", "frames of one metric", "scenes of one metric", "a sensor"):
        return  # more frames are another question, see below; the other sensor is one that was lost
    report = check(whole, shorter, RULES["one metric"])
    assert [one.bound_kind for one in report.checks] == ["min"] * 2


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"data": "other"}, "data: 'sim:val'"),
        ({"data_hash": "other"}, "data hash"),
        ({"suite_version": "2"}, "suite version: '1'"),
        ({"n_frames": 7}, "frames: 8 here, 7 in the baseline"),
        ({"frames_hash": "other"}, "frames: other 8 frames"),
        ({"ranges": {"car": 30.0}}, "class ranges [m]"),
    ],
)
def test_other_data_or_suite_is_not_comparable_whichever_rules_there_are(
    whole: Results, change: dict[str, Any], reason: str
) -> None:
    report = check(whole, with_provenance(whole, **change), RULES["one metric"])
    assert report.exit_code == ExitCode.NOT_COMPARABLE
    assert any(reason in found for found in report.not_comparable)


def test_another_budget_in_place_of_the_baselines_is_not_comparable(whole: Results) -> None:
    def stronger(cell: Cell) -> Cell:
        if cell.condition.parameters.get("steps") != 20:
            return cell
        condition = cell.condition.model_copy(
            update={"parameters": {"camera_levels": 4, "steps": 50}}
        )
        return cell.model_copy(update={"condition": condition})

    changed = whole.model_copy(update={"cells": tuple(stronger(cell) for cell in whole.cells)})
    report = check(changed, whole, RULES["one metric"])
    assert report.exit_code == ExitCode.NOT_COMPARABLE
    shown = report.not_comparable[0].replace("\u00a0", " ")
    assert "camera levels 4, steps 20; here camera PGD, camera levels 4, steps 50" in shown


def test_seeds_that_the_baseline_held_must_be_there(whole: Results) -> None:
    def seeded(*seeds: int) -> Results:
        cells = tuple(
            cell.model_copy(update={"seed": seed, "id": f"{cell.id}-{seed}"})
            for seed in seeds
            for cell in whole.cells
        )
        return whole.model_copy(update={"cells": cells})

    assert check(seeded(0, 1), seeded(0), RULES["one metric"]).passed
    lost = check(seeded(0), seeded(0, 1), RULES["one metric"])
    assert lost.exit_code == ExitCode.REGRESSION
    assert "the baseline measured it with seed 1" in lost.checks[-1].message
    other = check(seeded(1), seeded(0), RULES["one metric"])
    assert other.exit_code == ExitCode.NOT_COMPARABLE
    assert other.not_comparable == (
        "seed: 1 here, 0 in the baseline; corruptions and attacks are other draws",
    )


def test_messages_name_what_is_missing_and_where(whole: Results) -> None:
    def said(what: str) -> list[str]:
        report = check(LEFT_OUT[what](whole), whole, RULES["one metric"])
        lost = (one for one in report.checks if one.bound_kind == "baseline")
        return [
            f"{one.model}/{one.engine} {one.metric}: {one.message}".replace("\u00a0", " ")
            for one in lost
        ]

    assert said("an engine") == [
        "m/onnx engine: the baseline measured 10 cells on it; this run has none"
    ]
    assert said("a class in one cell") == [
        "m/torch AP/bus: the baseline held it in 10 cells; missing in 1 cell: fog, severity 1"
    ]
    assert said("the map head, undefined")[0] == (
        "m/torch mIoU: the baseline had a value; undefined in 10 cells: clean; fog, severity 1; "
        "fog, severity 3 and 7 more "
        "(the model has no such head)"
    )
    assert said("frames") == ["None/None frames: fewer frames than the baseline: 7 instead of 8"]
    assert said("a sanity check") == [
        "m/torch sanity verdict: the baseline ran S1; this run did not"
    ]
    assert said("a curve") == [
        "m/torch curve of fog: the baseline held the curve of mAP; this run lacks it"
    ]


def test_the_same_model_twice_raises_no_alarm_and_a_planted_regression_is_caught(
    whole: Results,
) -> None:
    assert check(whole, whole).passed

    def weaker(cell: Cell, found: dict[str, Metric]) -> dict[str, Metric]:
        if cell.condition.name != "rain" or cell.condition.severity != 3:
            return found
        return found | {"mAP": found["mAP"].model_copy(update={"value": 0.07})}

    report = check(with_metrics(whole, weaker), whole, RULES["drop"])
    assert report.exit_code == ExitCode.REGRESSION
    assert [(c.engine, c.condition) for c in report.checks if c.state == "failed"] == [
        ("torch", "rain, severity\u00a03"),
        ("onnx", "rain, severity\u00a03"),
    ]


def test_an_error_that_grew_in_the_corner_is_caught_by_a_wildcard(whole: Results) -> None:
    def farther(cell: Cell, found: dict[str, Metric]) -> dict[str, Metric]:
        return found | {
            "mATE": found["mATE"].model_copy(update={"value": (found["mATE"].value or 0) + 0.03})
        }

    report = check(with_metrics(whole, farther), whole, Rule(metric="*", max_drop=0.02))
    assert {c.metric for c in report.checks if c.state == "failed"} == {"mATE"}


def test_attacks_that_differ_in_their_steps_are_told_apart(whole: Results) -> None:
    report = check(whole, whole, Rule(metric="mAP", condition="camera_pgd", max_drop=0.5))
    shown = {(one.condition or "").replace("\u00a0", " ") for one in report.checks}
    assert shown == {
        "camera PGD, camera levels 4, steps 10",
        "camera PGD, camera levels 4, steps 20",
    }


def test_a_wildcard_passes_over_what_was_undefined_before(whole: Results) -> None:
    """A model without a map head, twice: nothing was lost. By name, an undefined value does not
    pass.
    """
    headless = undefined(whole, "mIoU")
    report = check(headless, headless, Rule(metric="*", max_drop=0.02))
    assert report.passed
    assert "mIoU" not in {one.metric for one in report.checks}
    assert {
        one.state for one in check(headless, headless, Rule(metric="mIoU", max_drop=0.02)).checks
    } == {"error"}
    only = check(headless, headless, Rule(metric="mI*", max_drop=0.02))
    assert [(one.state, one.message) for one in only.checks] == [
        ("error", "everything that the rule matches is undefined, here and in the baseline")
    ]
    assert not check(headless, whole, Rule(metric="*", max_drop=0.02)).passed
    assert {one.state for one in check(headless, headless, Rule(metric="mI*", min=0.1)).checks} == {
        "error"
    }
