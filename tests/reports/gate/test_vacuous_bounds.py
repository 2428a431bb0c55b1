"""Bounds that every value meets, or none, are errors that say so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reports.errors import ReportError
from reports.gate.evaluate import evaluate_rules
from reports.gate.rules import Rule, Rules, read_rules
from reports.schema import Results

BOMB = "a: &a [x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{below}'] * 8)}]\n"
    for below, name in zip("abcd", "bcde", strict=True)
)
"""Three hundred bytes that stand for 8192 values; with the rules, for more than are read."""
BOMB += f"rules: [{', '.join(['*e'] * 20)}]"


def check(results: Results, **rule: Any) -> bool:
    return evaluate_rules(results, Rules(rules=(Rule(**rule),)), results).passed


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"metric": "mAP", "min": -0.1}, "min: -0.1 can never fail: mAP lies from 0 to 1"),
        ({"metric": "mAP", "min": 0}, "min: 0 can never fail"),
        (
            {"metric": "mAP", "min": 1e-13},
            "min: 1e-13 can never fail",
        ),  # within the slack of every comparison
        ({"metric": "mAP", "max": 1}, "max: 1 can never fail"),
        ({"metric": "mAP", "max_drop": 1}, "max_drop: 1 can never fail"),
        (
            {"metric": "mAP", "condition": "fog", "relative_to_clean_min": 0},
            "relative_to_clean_min: 0 can never fail",
        ),
        (
            {"metric": "mAP", "condition": "fog", "relative_to_clean_min": -1},
            "relative_to_clean_min: -1 can never fail",
        ),
        ({"metric": "AP/*", "min": 0}, "min: 0 can never fail: AP/bus, AP/car lies from 0 to 1"),
        (
            {"metric": "*", "min": 0},
            "min: 0 can never fail: AP/bus, AP/car, ASR, ... lies from 0 to 2",
        ),
        ({"metric": "mATE", "max": 2}, "max: 2 can never fail: mATE lies from 0 to 2"),
        ({"metric": "mATE", "max_drop": 2.5}, "max_drop: 2.5 can never fail"),
        ({"metric": "ASR", "max": 1}, "max: 1 can never fail: ASR lies from 0 to 1"),
        ({"aggregate": "*/mPC", "min": 0}, "min: 0 can never fail: mAP/mPC"),
        ({"aggregate": "mAP/mRR", "min": 0}, "min: 0 can never fail: mAP/mRR lies from 0 to inf"),
        ({"aggregate": "mAP/RCE", "max": 1}, "max: 1 can never fail: mAP/RCE lies from -inf to 1"),
        ({"aggregate": "mAP/mCE", "min": 0}, "min: 0 can never fail"),
        ({"metric": "mATE", "min": 2.5}, "min: 2.5 can never pass"),
        ({"metric": "mAP", "max": -0.1}, "max: -0.1 can never pass"),
    ],
)
def test_a_bound_that_can_never_fail_or_never_pass_is_an_error(
    whole: Results, rule: dict[str, Any], message: str
) -> None:
    with pytest.raises(ReportError) as caught:
        check(whole, **rule)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "rule",
    [
        {"metric": "mAP", "condition": "clean", "min": 0.6},
        {"metric": "mAP", "max": 0.99},
        {"metric": "mAP", "max_drop": 0},
        {"metric": "m*", "condition": "clean", "max": 1.5},  # of mATE it can fail
        {"metric": "mATE", "max": 1.99},
        {"metric": "mAP", "kind": "corruption", "relative_to_clean_min": 1e-6},
        {"aggregate": "mAP/mRR", "max": 1.2},
        {"aggregate": "*", "max": 9},
    ],
)
def test_a_bound_that_can_fail_is_none(whole: Results, rule: dict[str, Any]) -> None:
    assert check(whole, **rule)


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("severity: true", "severity: expected a whole number from 0"),
        ("severity: 6", "severity: expected a whole number from 0"),
        ("severity: -1", "severity: expected a whole number from 0"),
        ("severity: 3.0", "severity: expected a whole number from 0"),
        ("severity: '3'", "severity: expected a whole number from 0"),
        ("severity: []", "severity: expected a whole number from 0"),
        ("severity: [1, 1]", "or a list of different ones"),
        ("severity: [1, true]", "severity: expected a whole number from 0"),
        ("severity: {a: 1}", "severity: expected a whole number from 0"),
        ("parameters: {}", "parameters: is empty and matches everything"),
        ("parameters: {eps: true}", "parameters.eps"),
        ("parameters: [eps]", "parameters"),
        ("condition: ''", "condition: String should have at least 1 character"),
        ("model: ''", "model: String should have at least 1 character"),
        ("model: 3", "model: Input should be a valid string"),
        ("kind: weather", "kind: Input should be 'clean'"),
        ("max: true", "max: Input should be a valid number"),
        ("max: '0.5'", "max: Input should be a valid number"),
        ("max: .inf", "max: Input should be a finite number"),
        ("max: 0.01", "no value is at least 0.1 (min) and at most 0.01 (max)"),
        ("condition: 2020-01-01", "condition"),
    ],
)
def test_a_value_of_the_wrong_kind_is_an_error(tmp_path: Path, rule: str, message: str) -> None:
    path = tmp_path / "gate.yaml"
    path.write_text(f"rules:\n  - metric: mAP\n    min: 0.1\n    {rule}\n")
    if rule == "condition: 2020-01-01":  # YAML makes a date of it; the name of no condition
        assert read_rules(path).rules[0].condition == "2020-01-01"
        return
    with pytest.raises(ReportError) as caught:
        read_rules(path)
    assert message in str(caught.value)


def test_a_number_with_an_exponent_is_a_number(tmp_path: Path) -> None:
    path = tmp_path / "gate.yaml"
    path.write_text("rules: [{metric: mAP, min: 1e-3, max: 5E-1}]")
    assert (read_rules(path).rules[0].min, read_rules(path).rules[0].max) == (0.001, 0.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "rules:\n  - {metric: mAP, condition: clean, min: 0.99}\nrules:\n  - {metric: mAP, "
            "min: 0.01}\n",
            "key 'rules' appears twice",
        ),
        (
            "rules:\n  - {metric: mAP, condition: clean, min: 0.99, min: 0.01}\n",
            "key 'min' appears twice",
        ),
        (
            "rules:\n  - {metric: mAP, min: 0.1}\n  - {metric: mAP, min: 0.1, engine: a, engine: "
            "b}\n",
            "line 3",
        ),
        (BOMB, "values when aliases are written out"),
        ("rules: " + "[" * 5000 + "]" * 5000, "nested deeper"),
        ("? [a, b]\n: c\n", "gate.yaml"),
        ("1: 2\n", "key 1 is no text"),
    ],
)
def test_a_file_that_says_two_things_or_endless_ones_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "gate.yaml"
    path.write_text(text)
    with pytest.raises(ReportError) as caught:
        read_rules(path)
    assert message in str(caught.value)


def test_every_severity_of_a_list_must_have_been_run(whole: Results) -> None:
    report = evaluate_rules(
        whole, Rules(rules=(Rule(metric="mAP", condition="fog", severity=(1, 3, 4), min=0.01),))
    )
    assert [check.state for check in report.checks] == ["passed"] * 4 + ["error"] * 2
    assert {check.message for check in report.checks[4:]} == {
        "severity 4 was not run: not run is not passed"
    }


@pytest.mark.parametrize(
    "rule",
    [
        {"condition": "h*"},
        {"model": "n?"},
        {"engine": "tensor*"},
        {"parameters": {"eps": 8}},
        {"parameters": {"camera_levels": "4"}},
        {"kind": "attack", "severity": 3},
        {"condition": "[f]og"},  # only * and ? are wildcards
        {"severity": 5},
    ],
)
def test_a_rule_that_matches_nothing_fails(whole: Results, rule: dict[str, Any]) -> None:
    report = evaluate_rules(whole, Rules(rules=(Rule(metric="mAP", min=0.01, **rule),)))
    assert [check.state for check in report.checks] == ["error"]
    assert not report.passed
