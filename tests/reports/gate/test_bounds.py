import pytest

from reports.gate.evaluate import ExitCode
from reports.schema import Results
from tests.reports.small_run import CELLS, cell, gate, metric, shifted


def test_a_ratio_on_its_bound_passes_in_spite_of_binary_fractions(small: Results) -> None:
    assert 0.02 / 0.2 < 0.1
    cells = (
        cell("clean", "clean", mAP=metric(0.2)),
        cell("corruption", "fog", 1, mAP=metric(0.02)),
    )
    report = gate(
        small.model_copy(update={"cells": cells}), metric="mAP", relative_to_clean_min=0.1
    )
    assert [check.state for check in report.checks] == ["passed"]


def test_relative_rule_without_a_clean_cell_is_an_error(small: Results) -> None:
    headless = small.model_copy(update={"cells": CELLS[1:]})
    report = gate(headless, metric="mAP", condition="fog", relative_to_clean_min=0.1)
    assert {check.state for check in report.checks} == {"error"}
    assert "clean value of m/torch is not run" in report.checks[0].message


@pytest.mark.parametrize(
    ("name", "old", "bound", "state"),
    [
        ("mAP", 0.42, 0.02, "passed"),  # 0.42 -> 0.40, equality in spite of binary fractions
        ("mAP", 0.4201, 0.02, "failed"),
        ("mAP", 0.30, 0.0, "passed"),  # better than before
        ("mATE", 0.5, 0.0, "passed"),
        ("mATE", 0.45, 0.04, "failed"),  # an error that grew by 0.05
        ("mATE", 0.60, 0.0, "passed"),  # an error that shrank
        ("mAP", None, 0.5, "error"),
    ],
)
def test_drop_against_the_baseline(
    small: Results, name: str, old: float | None, bound: float, state: str
) -> None:
    report = gate(small, shifted(small, name, old), metric=name, condition="clean", max_drop=bound)
    assert [check.state for check in report.checks] == [state]
    assert report.exit_code == (ExitCode.PASSED if state == "passed" else ExitCode.REGRESSION)


def test_message_of_a_drop(small: Results) -> None:
    (check,) = gate(
        small, shifted(small, "mAP", 0.43), metric="mAP", condition="clean", max_drop=0.02
    ).checks
    assert (
        check.message.replace("\u00a0", " ") == "40.0 % after 43.0 % (−3.0 pp); allowed loss 2.0 pp"
    )
