"""Truth table of the gate, on a small file whose numbers are read off by eye."""

from typing import Any

import pytest

from reports.errors import ReportError
from reports.gate.evaluate import ExitCode
from reports.schema import Cell, Results
from tests.reports.small_run import CELLS, cell, gate, metric, shifted


@pytest.mark.parametrize(
    ("rule", "state"),
    [
        ({"metric": "mAP", "condition": "fog", "severity": 3, "min": 0.19}, "passed"),
        (
            {"metric": "mAP", "condition": "fog", "severity": 3, "min": 0.20},
            "passed",
        ),  # equality passes
        ({"metric": "mAP", "condition": "fog", "severity": 3, "min": 0.2000001}, "failed"),
        ({"metric": "mATE", "condition": "clean", "max": 0.5}, "passed"),
        ({"metric": "mATE", "condition": "clean", "max": 0.4999}, "failed"),
        (
            {"metric": "mAP", "condition": "fog", "severity": 3, "relative_to_clean_min": 0.5},
            "passed",
        ),
        (
            {"metric": "mAP", "condition": "fog", "severity": 3, "relative_to_clean_min": 0.51},
            "failed",
        ),
        ({"metric": "mAP", "kind": "attack", "parameters": {"eps": 4}, "min": 0.1}, "passed"),
        (
            {"metric": "mAP", "kind": "attack", "parameters": {"eps": 8}, "min": 0.1},
            "error",
        ),  # not run
        ({"metric": "mAP", "condition": "rain", "min": 0.01}, "error"),  # not run
        ({"metric": "mAP", "model": "other", "min": 0.0}, "error"),
        ({"metric": "mAP", "engine": "onnxruntime", "min": 0.0}, "error"),
        ({"metric": "mAP", "condition": "fog", "severity": 2, "min": 0.0}, "error"),
        ({"metric": "mIoU", "condition": "clean", "min": 0.0}, "error"),  # missing metric
        ({"metric": "AP_bus", "condition": "clean", "min": 0.01}, "error"),  # null metric
        (
            {"metric": "mATE", "condition": "fog", "severity": 1, "relative_to_clean_min": 0.5},
            "error",
        ),  # lower is better
        (
            {"metric": "mAP", "condition": "clean", "relative_to_clean_min": 0.5},
            "error",
        ),  # clean against itself
    ],
)
def test_truth_table(small: Results, rule: dict[str, Any], state: str) -> None:
    report = gate(small, **rule)
    assert [check.state for check in report.checks] == [state]
    assert report.exit_code == (ExitCode.PASSED if state == "passed" else ExitCode.REGRESSION)
    assert report.passed == (state == "passed")


def test_messages_say_what_was_seen_and_what_was_asked(small: Results) -> None:
    (check,) = gate(
        small, metric="mAP", condition="fog", severity=3, relative_to_clean_min=0.6
    ).checks
    assert check.message.replace("\u00a0", " ") == "keeps 50.0 % of the clean 40.0 %, needs 60.0 %"
    assert (check.observed, check.cell, check.reference) == (
        0.5,
        "m-fog-3",
        CELLS[0].metrics["mAP"],
    )
    (check,) = gate(small, metric="AP_bus", condition="clean", min=0.01).checks
    assert check.message == "AP_bus is undefined: no object"
    (check,) = gate(small, metric="mAP", condition="rain", min=0.01).checks
    assert check.message == (
        "no cell matches 'metric: mAP, condition: rain, min: 0.01': not run is not passed; "
        "conditions that were run: clean, fog, pgd"
    )


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"metric": "mAP", "min": 32}, "min is 32, expected a fraction 0..1; did you mean 0.32?"),
        (
            {"metric": "mAP", "max": 90, "condition": "clean"},
            "max is 90, expected a fraction 0..1; did you mean 0.9?",
        ),
        (
            {"metric": "mAP", "max_drop": 2},
            "max_drop is 2, expected a fraction 0..1; did you mean 0.02?",
        ),
        (
            {"metric": "m*", "relative_to_clean_min": 60},
            "expected a fraction 0..1; did you mean 0.6?",
        ),
        ({"metric": "mAP", "min": 3200}, "min is 3200, expected a fraction 0..1$"),
    ],
)
def test_a_bound_in_percent_is_a_usage_error(
    small: Results, rule: dict[str, Any], message: str
) -> None:
    with pytest.raises(ReportError, match=message):
        gate(small, small, **rule)


def test_a_bound_above_one_is_right_where_some_metric_has_a_unit(small: Results) -> None:
    assert gate(small, metric="mATE", condition="clean", max=1.5).passed
    assert gate(small, metric="m*", condition="clean", max=1.5).passed


def test_wildcards_and_severity_lists_make_one_check_per_cell_and_metric(small: Results) -> None:
    assert len(gate(small, metric="mAP", min=0.01).checks) == 4
    assert len(gate(small, metric="mA*", condition="fog", min=0.01).checks) == 4
    assert len(gate(small, metric="mAP", condition="f?g", severity=(1, 3), min=0.01).checks) == 2
    assert (
        len(gate(small, metric="mAP", relative_to_clean_min=0.2).checks) == 3
    )  # not the clean one
    assert len(gate(small, metric="mAP", condition="clean", min=0.1, max=0.9).checks) == 2


def test_drop_without_a_baseline_is_a_usage_error(small: Results) -> None:
    with pytest.raises(ReportError, match="compares with a baseline; give one with --baseline"):
        gate(small, metric="mAP", max_drop=0.1)


def test_fewer_frames_than_the_baseline_fail(small: Results) -> None:
    report = gate(
        small,
        shifted(small, "mAP", 0.40, n_frames=81),
        metric="mAP",
        condition="clean",
        max_drop=0.5,
    )
    assert [check.state for check in report.checks] == [
        "failed",
        "failed",
    ]  # the rule's, and that the baseline had more
    assert "fewer frames than the baseline: 80 instead of 81" in report.checks[0].message


def test_cell_or_metric_missing_in_the_baseline_is_an_error(small: Results) -> None:
    shorter = small.model_copy(update={"cells": CELLS[1:]})
    assert (
        gate(small, shorter, metric="mAP", condition="clean", max_drop=0.9).checks[0].message
        == "the baseline holds no such cell"
    )
    bare = CELLS[0].model_copy(update={"metrics": {"mATE": CELLS[0].metrics["mATE"]}})
    thinner = small.model_copy(update={"cells": (bare, *CELLS[1:])})
    assert (
        "mAP is not in the baseline's cell"
        in gate(small, thinner, metric="mAP", condition="clean", max_drop=0.9).checks[0].message
    )


def test_other_budget_is_not_comparable(small: Results) -> None:
    condition = CELLS[3].condition.model_copy(update={"parameters": {"eps": 8}})
    other = small.model_copy(
        update={"cells": (*CELLS[:3], CELLS[3].model_copy(update={"condition": condition}))}
    )
    report = gate(small, other, metric="mAP", kind="attack", max_drop=0.9)
    assert report.exit_code == ExitCode.NOT_COMPARABLE
    assert "the baseline ran it with other parameters (PGD, eps\u00a08)" in report.not_comparable[0]


def test_not_comparable_outranks_a_regression(small: Results) -> None:
    other = small.model_copy(
        update={"provenance": small.provenance.model_copy(update={"suite_version": "2"})}
    )
    report = gate(small, other, metric="mAP", condition="clean", min=0.9)
    assert report.checks[0].state == "failed"
    assert report.exit_code == ExitCode.NOT_COMPARABLE


def test_the_same_seed_is_compared_where_there_are_several(small: Results) -> None:
    def with_seed(value: float, seed: int) -> Cell:
        return cell("clean", "clean", mAP=metric(value)).model_copy(update={"seed": seed})

    new = small.model_copy(update={"cells": (with_seed(0.4, 0), with_seed(0.5, 1))})
    old = small.model_copy(update={"cells": (with_seed(0.5, 1), with_seed(0.4, 0))})
    assert [check.observed for check in gate(new, old, metric="mAP", max_drop=0).checks] == [
        0.0,
        0.0,
    ]
