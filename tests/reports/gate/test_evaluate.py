"""Truth table of the gate, on a small file whose numbers are read off by eye."""

from typing import Any

import pytest

from reports.errors import ReportError
from reports.gate.evaluate import ExitCode, GateReport, evaluate_rules
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
        id=f"{model}-{name}-{severity}", model=model, engine="torch", condition=condition, seed=0, metrics=metrics,
        effect=sound if kind == "corruption" else None, budget=sound if kind == "attack" else None,
    )  # fmt: skip


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


@pytest.fixture
def small(results: Results) -> Results:
    return results.model_copy(update={"cells": CELLS, "summary": {}})


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
    ("rule", "hint"),
    [
        ({"condition": "claen"}, "; did you mean clean?"),
        ({"condition": "fog", "severity": 5}, "; severities that were run: 1, 3"),
        ({"kind": "curve"}, ": not run is not passed"),
    ],
)
def test_a_rule_without_cells_says_what_is_there(
    small: Results, rule: dict[str, Any], hint: str
) -> None:
    (check,) = gate(small, metric="mAP", min=0.01, **rule).checks
    assert check.state == "error"
    assert check.message.endswith(hint)


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


def test_an_unknown_metric_names_the_nearest(small: Results) -> None:
    (check,) = gate(small, metric="mapp", condition="clean", min=0.01).checks
    assert (check.state, check.message) == (
        "error",
        "the cell holds no metric mapp; did you mean mAP?",
    )
    (check,) = gate(small, metric="mIoU", condition="clean", min=0.01).checks
    assert check.message == "the cell holds no metric mIoU"


@pytest.mark.parametrize("name", ["mPC", "mAP/mPC"])
def test_an_aggregate_is_no_metric_of_a_cell(small: Results, name: str) -> None:
    with_summary = small.model_copy(update={"summary": {"m/torch": {"mAP/mPC": metric(0.2)}}})
    (check,) = gate(with_summary, metric=name, condition="clean", min=0.01).checks
    assert check.message == (
        f"the cell holds no metric {name}: it is an aggregate over cells; write aggregate: mAP/mPC in place of metric: {name}"
    )


def test_wildcards_and_severity_lists_make_one_check_per_cell_and_metric(small: Results) -> None:
    assert len(gate(small, metric="mAP", min=0.01).checks) == 4
    assert len(gate(small, metric="mA*", condition="fog", min=0.01).checks) == 4
    assert len(gate(small, metric="mAP", condition="f?g", severity=(1, 3), min=0.01).checks) == 2
    assert (
        len(gate(small, metric="mAP", relative_to_clean_min=0.2).checks) == 3
    )  # not the clean one
    assert len(gate(small, metric="mAP", condition="clean", min=0.1, max=0.9).checks) == 2


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


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("data_hash", "0" * 64, "data hash"),
        ("suite_version", "2", "suite version"),
        ("data", "sim:test", "data:"),
        ("frames_hash", "0" * 64, "frames: other 80 frames"),
        ("ranges", {"car": 30.0}, "class ranges"),
    ],
)
def test_other_data_or_suite_is_not_comparable(
    small: Results, field: str, value: str, reason: str
) -> None:
    other = small.model_copy(
        update={"provenance": small.provenance.model_copy(update={field: value})}
    )
    report = gate(small, other, metric="mAP", condition="clean", max_drop=0.9)
    assert report.exit_code == ExitCode.NOT_COMPARABLE
    assert not report.passed
    assert reason in report.not_comparable[0]


def test_more_frames_than_the_baseline_are_another_question(small: Results) -> None:
    fewer = small.provenance.model_copy(update={"n_frames": small.provenance.n_frames - 1})
    other = small.model_copy(update={"provenance": fewer})
    report = gate(small, other, metric="mAP", condition="clean", max_drop=0.9)
    assert report.exit_code == ExitCode.NOT_COMPARABLE
    assert "frames:" in report.not_comparable[0]


def test_other_schema_major_is_not_comparable(small: Results) -> None:
    report = gate(
        small,
        small.model_copy(update={"schema_version": "0.9"}),
        metric="mAP",
        condition="clean",
        max_drop=0.9,
    )
    assert report.exit_code == ExitCode.NOT_COMPARABLE


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


def test_a_renamed_single_model_is_compared_with_the_single_model_of_the_baseline(
    small: Results,
) -> None:
    renamed = tuple(c.model_copy(update={"model": "old"}) for c in CELLS)
    report = gate(small, small.model_copy(update={"cells": renamed}), metric="mAP", max_drop=0)
    assert [check.state for check in report.checks] == ["passed"] * 4


def test_several_models_are_never_matched_by_guess(small: Results) -> None:
    two = (*CELLS, *(c.model_copy(update={"model": "other"}) for c in CELLS))
    renamed = tuple(c.model_copy(update={"model": "old"}) for c in CELLS)
    report = gate(
        small.model_copy(update={"cells": two}),
        small.model_copy(update={"cells": renamed}),
        metric="mAP",
        max_drop=0,
    )
    by_rule, lost = report.checks[:-1], report.checks[-1]
    assert {check.message for check in by_rule} == {"the baseline holds no such cell"}
    assert (lost.state, lost.model, lost.metric) == ("failed", "old", "engine")


def test_the_same_seed_is_compared_where_there_are_several(small: Results) -> None:
    def with_seed(value: float, seed: int) -> Cell:
        return cell("clean", "clean", mAP=metric(value)).model_copy(update={"seed": seed})

    new = small.model_copy(update={"cells": (with_seed(0.4, 0), with_seed(0.5, 1))})
    old = small.model_copy(update={"cells": (with_seed(0.5, 1), with_seed(0.4, 0))})
    assert [check.observed for check in gate(new, old, metric="mAP", max_drop=0).checks] == [
        0.0,
        0.0,
    ]


def test_report_round_trips_as_json(small: Results) -> None:
    report = gate(small, metric="mAP", min=0.25)
    assert GateReport.model_validate_json(report.model_dump_json()) == report
    assert (report.count("passed"), report.count("failed"), report.count("error")) == (2, 2, 0)


def test_exit_codes_are_the_published_ones() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "PASSED": 0, "INTERNAL_ERROR": 1, "USAGE": 2, "REGRESSION": 3, "INCONCLUSIVE": 4, "NOT_COMPARABLE": 5,
    }  # fmt: skip
