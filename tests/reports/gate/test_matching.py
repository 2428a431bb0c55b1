"""Rules about aggregates, on a small file whose aggregates are worked out by hand.

mAP of a: clean 0.40, fog 0.30 and 0.20. Of b: clean 0.50, fog 0.40 and 0.20. So for a
mPC = (0.30 + 0.20) / 2 = 0.25, mRR = 0.50 / (2 x 0.40) = 0.625, RCE = (0.40 - 0.25) / 0.40 = 0.375,
mCE against b = (0.70 + 0.80) / (0.60 + 0.80) = 1.0714; for b mPC = 0.30, mRR = 0.6, RCE = 0.4.
"""

import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any, Literal

import pytest
from click.testing import CliRunner

from reports.cli import gate as gate_command
from reports.errors import ReportError
from reports.gate.evaluate import ExitCode, GateReport, evaluate_rules
from reports.gate.rules import Rule, Rules, read_rules
from reports.html import render_html
from reports.results_file import write_results
from reports.schema import Cell, Check, Condition, Metric, Model, Results, SanityCheck
from reports.writers.console import gate_lines
from reports.writers.junit import junit_xml
from reports.writers.markdown import markdown_summary
from reports.writers.openmetrics import openmetrics_text

MCE = 1.5 / 1.4


def metric(
    value: float | None, higher: bool = True, method: str | None = None, n_frames: int = 80
) -> Metric:
    reason = None if value is not None else "the denominator is 0"
    return Metric(
        value=value,
        reason=reason,
        n_frames=n_frames,
        n_scenes=10,
        higher_is_better=higher,
        method=method,
    )


def cell(
    model: str, kind: str, name: str, severity: int, value: float, sensor: str = "camera"
) -> Cell:
    condition = (
        Condition(
            kind=kind,
            name=name,
            severity=severity,
            parameters={"level": float(severity)},
            sensors=(sensor,),
        )
        if kind != "clean"
        else Condition(kind="clean", name="clean")
    )
    return Cell(
        id=f"{model}-{name}-{severity}",
        model=model,
        engine="torch",
        condition=condition,
        seed=0,
        effect=Check(passed=True, measured={}) if kind == "corruption" else None,
        budget=Check(passed=True, measured={}) if kind == "attack" else None,
        metrics={"mAP": metric(value)},
        details={"crafted_on": f"{model}/torch"} if kind == "attack" else {},
    )


def aggregates(
    mpc: float | None, mrr: float | None, rce: float | None, mce: float | None = None
) -> dict[str, Metric]:
    found = {"mAP/mPC": metric(mpc), "mAP/mRR": metric(mrr), "mAP/RCE": metric(rce, higher=False)}
    against = "scene jackknife, 10 groups, t, 95%; baseline b/torch"
    return found | ({} if mce is None else {"mAP/mCE": metric(mce, higher=False, method=against)})


CELLS = (
    cell("a", "clean", "clean", 0, 0.40),
    cell("a", "corruption", "fog", 1, 0.30),
    cell("a", "corruption", "fog", 3, 0.20),
    cell("a", "attack", "pgd", 0, 0.10),
    cell("b", "clean", "clean", 0, 0.50),
    cell("b", "corruption", "fog", 1, 0.40),
    cell("b", "corruption", "fog", 3, 0.20),
)
SUMMARY = {"a/torch": aggregates(0.25, 0.625, 0.375, MCE), "b/torch": aggregates(0.30, 0.6, 0.4)}


@pytest.fixture
def two(results: Results) -> Results:
    models = tuple(Model(name=name, sha256=name, sensors=("camera",)) for name in "ab")
    return results.model_copy(
        update={"cells": CELLS, "summary": SUMMARY, "models": models, "pictures": ()}
    )


def gate(results: Results, baseline: Results | None = None, **rule: Any) -> GateReport:
    return evaluate_rules(results, Rules(rules=(Rule(**rule),)), baseline)


def with_aggregate(
    results: Results, name: str, value: Metric | None, label: str = "a/torch"
) -> Results:
    kept = {key: old for key, old in results.summary[label].items() if key != name}
    changed = kept if value is None else kept | {name: value}
    return results.model_copy(update={"summary": {**results.summary, label: changed}})


@pytest.mark.parametrize(
    ("rule", "states"),
    [
        ({"aggregate": "mAP/mPC", "model": "a", "min": 0.25}, ["passed"]),  # equality passes
        ({"aggregate": "mAP/mPC", "model": "a", "min": 0.2501}, ["failed"]),
        ({"aggregate": "mAP/mPC", "min": 0.27}, ["failed", "passed"]),  # a, b
        ({"aggregate": "mAP/mRR", "min": 0.6}, ["passed", "passed"]),
        ({"aggregate": "mAP/RCE", "max": 0.375}, ["passed", "failed"]),
        (
            {"aggregate": "mAP/mCE", "max": 1.08},
            ["passed"],
        ),  # b is what a is compared with: it has none
        ({"aggregate": "mAP/mCE", "max": 1.0}, ["failed"]),
        (
            {"aggregate": "*/mPC", "engine": "tor*", "min": 0.2, "max": 0.28},
            ["passed", "passed", "passed", "failed"],
        ),
        ({"aggregate": "*", "model": "b", "min": 0.01}, ["passed", "passed", "passed"]),
        ({"aggregate": "mIoU/mPC", "model": "a", "min": 0.0}, ["error"]),  # not there
        ({"aggregate": "mAP/mPC", "model": "c", "min": 0.0}, ["error"]),  # not run
        (
            {"aggregate": "mAP/mCE", "model": "b", "max": 1.0},
            ["error"],
        ),  # nothing to compare it with
    ],
)
def test_truth_table(two: Results, rule: dict[str, Any], states: list[str]) -> None:
    report = gate(two, **rule)
    assert [check.state for check in report.checks] == states
    assert report.exit_code == (
        ExitCode.PASSED if set(states) == {"passed"} else ExitCode.REGRESSION
    )


def test_a_check_says_what_it_is_over(two: Results) -> None:
    (check,) = gate(two, aggregate="mAP/mPC", model="a", min=0.3).checks
    assert (check.metric, check.model, check.engine, check.cell) == ("mAP/mPC", "a", "torch", None)
    assert (check.condition or "").replace("\u00a0", " ") == "1 corruption, severities 1, 3"
    assert check.message.replace("\u00a0", " ") == "25.0 %, at least 30.0 %"
    assert (check.observed, check.value) == (0.25, SUMMARY["a/torch"]["mAP/mPC"])


def test_undefined_is_an_error(two: Results) -> None:
    report = gate(
        with_aggregate(two, "mAP/mRR", metric(None)), aggregate="mAP/mRR", model="a", min=0.01
    )
    assert [(check.state, check.message) for check in report.checks] == [
        ("error", "mAP/mRR is undefined: the denominator is 0")
    ]


def test_one_engine_of_several_without_the_aggregate_is_an_error(two: Results) -> None:
    """It is left out of the file where a cell is undefined; the rule is about every engine."""
    report = gate(with_aggregate(two, "mAP/mPC", None, "b/torch"), aggregate="mAP/mPC", min=0.2)
    assert [check.state for check in report.checks] == ["passed", "error"]
    assert report.checks[1].message == "b/torch has no aggregate mAP/mPC; it has mAP/RCE, mAP/mRR"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"aggregate": "mPC"}, "a/torch has no aggregate mPC; did you mean */mPC?"),
        ({"aggregate": "map/mpc"}, "a/torch has no aggregate map/mpc; did you mean mAP/mPC?"),
        (
            {"aggregate": "x"},
            "a/torch has no aggregate x; it has mAP/RCE, mAP/mCE, mAP/mPC, mAP/mRR",
        ),
        ({"aggregate": "mCE"}, "a/torch has no aggregate mCE; did you mean */mCE?"),
        (
            {"aggregate": "mAP/mPC", "engine": "onnx"},
            "no aggregates match 'aggregate: mAP/mPC, engine: onnx, min: 0.01': not run is not "
            "passed; "
            "aggregates are there of a/torch, b/torch",
        ),
    ],
)
def test_what_is_not_there_is_told_what_is(
    two: Results, rule: dict[str, Any], message: str
) -> None:
    check = gate(two, min=0.01, **rule).checks[0]
    assert (check.state, check.message) == ("error", message)


@pytest.mark.parametrize("name", ["mAP/mCE", "mIoU/mce"])
def test_where_nothing_is_compared_the_baseline_is_named(two: Results, name: str) -> None:
    bare = with_aggregate(two, "mAP/mCE", None)
    message = gate(bare, min=0.01, aggregate=name).checks[0].message
    assert message.endswith(
        f"no aggregate {name}; calico robust makes it where several models are compared: "
        f"--baseline NAME/ENGINE"
    )


def test_a_file_without_corruptions_has_no_aggregates(two: Results) -> None:
    bare = two.model_copy(update={"cells": (CELLS[0], CELLS[3]), "summary": {}})
    (check,) = gate(bare, aggregate="mAP/mPC", min=0.01).checks
    assert check.message.endswith(
        "not run is not passed; the file holds none: no corruptions were run"
    )


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            {"aggregate": "mAP/mPC", "min": 32},
            "min is 32, expected a fraction 0..1; did you mean 0.32?",
        ),
        (
            {"aggregate": "mAP/RCE", "max": 40},
            "max is 40, expected a fraction 0..1; did you mean 0.4?",
        ),
        (
            {"aggregate": "mAP/mCE", "max": 90},
            "max is 90, expected a ratio, where 1 is 100 %; did you mean 0.9?",
        ),
        (
            {"aggregate": "mAP/mCE", "max": 105},
            "max is 105, expected a ratio.*; did you mean 1.05?",
        ),
        (
            {"aggregate": "mAP/mRR", "min": 60},
            "expected a ratio, where 1 is 100 %; did you mean 0.6?",
        ),
        (
            {"aggregate": "mAP/mCE", "max_drop": 2},
            "max_drop is 2, expected a fraction 0..1; did you mean 0.02?",
        ),
    ],
)
def test_a_bound_in_percent_is_a_usage_error(
    two: Results, rule: dict[str, Any], message: str
) -> None:
    with pytest.raises(ReportError, match=message):
        gate(two, two, **rule)


# --- against a baseline ---


@pytest.mark.parametrize(
    ("name", "old", "bound", "state", "observed"),
    [
        (
            "mAP/mPC",
            0.27,
            0.02,
            "passed",
            0.02,
        ),  # 0.27 -> 0.25, equality in spite of binary fractions
        ("mAP/mPC", 0.28, 0.02, "failed", 0.03),
        ("mAP/mPC", 0.20, 0.0, "passed", -0.05),  # better than before
        ("mAP/RCE", 0.30, 0.05, "failed", 0.075),  # lower is better: it grew
        ("mAP/RCE", 0.45, 0.0, "passed", -0.075),
    ],
)
def test_drop_against_the_baseline(
    two: Results, name: str, old: float, bound: float, state: str, observed: float
) -> None:
    before = with_aggregate(two, name, SUMMARY["a/torch"][name].model_copy(update={"value": old}))
    (check,) = gate(two, before, aggregate=name, model="a", max_drop=bound).checks
    assert check.state == state
    assert check.observed == pytest.approx(observed, abs=1e-12)
    assert check.reference is not None
    assert check.reference.value == old


def test_message_of_a_drop(two: Results) -> None:
    before = with_aggregate(two, "mAP/mPC", metric(0.28))
    (check,) = gate(two, before, aggregate="mAP/mPC", model="a", max_drop=0.02).checks
    assert (
        check.message.replace("\u00a0", " ") == "25.0 % after 28.0 % (−3.0 pp); allowed loss 2.0 pp"
    )


@pytest.mark.parametrize(
    ("old", "state", "message"),
    [
        (None, "error", "mAP/mPC is not among the baseline's aggregates of a/torch"),
        (metric(None), "error", "mAP/mPC is undefined in the baseline: the denominator is 0"),
        (metric(0.25, n_frames=81), "failed", "fewer frames than the baseline: 80 instead of 81"),
    ],
)
def test_what_the_baseline_cannot_answer(
    two: Results, old: Metric | None, state: str, message: str
) -> None:
    (check,) = gate(
        two, with_aggregate(two, "mAP/mPC", old), aggregate="mAP/mPC", model="a", max_drop=0.5
    ).checks
    assert (check.state, check.message) == (state, message)


@pytest.mark.parametrize(
    ("gone", "added", "reason"),
    [
        (
            "a-fog-3",
            None,
            "a/torch, aggregates: only here over fog, severity 3 (level 3)",
        ),
        (
            None,
            cell("a", "corruption", "rain", 1, 0.3),
            "a/torch, aggregates: only in the baseline over rain, severity 1 (level 1)",
        ),
    ],
)
def test_a_mean_over_other_corruptions_is_not_comparable(
    two: Results, gone: str | None, added: Cell | None, reason: str
) -> None:
    cells = tuple(c for c in CELLS if c.id != gone) + ((added,) if added else ())
    report = gate(
        two, two.model_copy(update={"cells": cells}), aggregate="mAP/mPC", model="a", max_drop=0.5
    )
    assert report.exit_code == ExitCode.NOT_COMPARABLE
    assert [text.replace("\u00a0", " ") for text in report.not_comparable] == [reason]
    assert report.checks[0].state == "error"


def test_corruptions_of_sensors_that_the_model_does_not_use_are_in_no_mean(two: Results) -> None:
    unused = cell("a", "corruption", "beam_missing", 1, 0.40, sensor="lidar")
    report = gate(
        two.model_copy(update={"cells": (*CELLS, unused)}),
        two,
        aggregate="mAP/mPC",
        model="a",
        max_drop=0.0,
    )
    assert report.exit_code == ExitCode.PASSED


def test_a_ratio_to_another_engine_is_not_comparable(two: Results) -> None:
    other = SUMMARY["a/torch"]["mAP/mCE"].model_copy(
        update={"method": "no interval; baseline c/torch"}
    )
    report = gate(two, with_aggregate(two, "mAP/mCE", other), aggregate="mAP/mCE", max_drop=0.5)
    assert report.not_comparable == (
        "a/torch, mAP/mCE: against b/torch here, c/torch in the baseline",
    )


def test_a_renamed_single_model_is_compared_under_its_new_name(two: Results) -> None:
    """Two engines of one model; the deployed one is compared with the other."""

    def file(name: str, mpc: float) -> Results:
        cells = tuple(
            c.model_copy(update={"model": name, "engine": engine})
            for engine in ("torch", "onnx")
            for c in CELLS[:3]
        )
        mce = metric(1.0, higher=False, method=f"no interval; baseline {name}/torch")
        summary = {
            f"{name}/torch": {"mAP/mPC": metric(mpc)},
            f"{name}/onnx": {"mAP/mPC": metric(mpc), "mAP/mCE": mce},
        }
        return two.model_copy(update={"cells": cells, "summary": summary, "models": two.models[:1]})

    report = gate(file("a", 0.25), file("old", 0.26), aggregate="*", max_drop=0.02)
    assert [(check.engine, check.metric, check.state) for check in report.checks] == [
        ("torch", "mAP/mPC", "passed"),
        ("onnx", "mAP/mCE", "passed"),
        ("onnx", "mAP/mPC", "passed"),
    ]
    assert report.exit_code == ExitCode.PASSED


def test_a_suspect_attack_leaves_aggregates_alone(two: Results) -> None:
    """They are over corruptions only."""
    failed = SanityCheck(id="S7", title="t", model="a", engine="torch", verdict="FAIL", message="m")
    suspect = two.model_copy(update={"sanity": (failed,)})
    rules = Rules(
        rules=(
            Rule(aggregate="mAP/mPC", model="a", min=0.2),
            Rule(metric="mAP", kind="attack", model="a", min=0.05),
        )
    )
    assert [check.state for check in evaluate_rules(suspect, rules).checks] == [
        "passed",
        "inconclusive",
    ]


# --- the rules file, and every output ---


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("{min: 0.2}", "a rule needs either metric, of cells, or aggregate"),
        (
            "{metric: mAP, aggregate: mAP/mPC, min: 0.2}",
            "a rule needs either metric, of cells, or aggregate",
        ),
        (
            "{aggregate: mAP/mPC, condition: fog, min: 0.2}",
            "condition is for cells; an aggregate is over all",
        ),
        ("{aggregate: mAP/mPC, severity: 3, min: 0.2}", "severity is for cells"),
        ("{aggregate: mAP/mPC, relative_to_clean_min: 0.2}", "relative_to_clean_min is for cells"),
        ("{aggregate: mAP/mPC}", "a rule needs a bound"),
        ("{agregate: mAP/mPC, metric: mAP, min: 1}", "did you mean 'aggregate'"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, rule: str, message: str) -> None:
    path = tmp_path / "gate.yaml"
    path.write_text(f"rules: [{rule}]")
    with pytest.raises(ReportError, match=message):
        read_rules(path)


def test_every_output_shows_it(two: Results) -> None:
    rules = Rules(
        rules=(Rule(aggregate="mAP/mPC", min=0.27), Rule(aggregate="mAP/mCE", model="a", max=1.08))
    )  # a failed, b passed; mCE of a passed
    report = evaluate_rules(two, rules)
    lines = list(gate_lines(report))
    assert (
        lines[0]
        == "failed  mAP/mPC  a torch 1 corruption, severities 1, 3: 25.0 %, at least 27.0 %"
    )
    assert lines[-1] == "gate: not passed (2 passed, 1 failed, 0 error), exit code 3"
    assert (
        "passed  mAP/mCE  a torch 1 corruption, severities 1, 3: 107.1 %, at most 108.0 %" in lines
    )
    markdown = markdown_summary(two, gate=report).replace("\u00a0", " ")
    row = (
        "| ✗ **failed** | mAP/mPC | a | torch | 1 corruption, severities 1, 3 | 25.0 %, at least "
        "27.0 % |"
    )
    assert row in markdown
    page = render_html(two, Path(), gate=report).replace("\u00a0", " ")
    assert (
        "<td>mAP/mPC</td><td>a</td><td>torch</td><td>1 corruption, severities 1, 3</td><td>25.0 %, "
        "at least" in page
    )
    cases = list(ElementTree.fromstring(junit_xml(two, report)).iter("testcase"))
    named = [
        (case.get("classname"), (case.get("name") or "").replace("\u00a0", " ")) for case in cases
    ]
    assert named == [
        ("gate.a/torch", "mAP/mPC min 0.27: 1 corruption, severities 1, 3"),
        ("gate.b/torch", "mAP/mPC min 0.27: 1 corruption, severities 1, 3"),
        ("gate.a/torch", "mAP/mCE max 1.08: 1 corruption, severities 1, 3"),
    ]
    assert "rule: aggregate: mAP/mPC, min: 0.27" in (cases[0].findtext("failure") or "")
    assert [case.find("failure") is None for case in cases] == [False, True, True]
    assert 'calico_gate_checks{state="failed"} 1.0' in openmetrics_text(two, report)


def test_the_command(two: Results, tmp_path: Path) -> None:
    write_results(tmp_path / "results.json", two)
    rules = tmp_path / "gate.yaml"
    for bound, code in ((0.2, 0), (0.27, 3)):
        rules.write_text(f"rules: [{{aggregate: '*/mPC', min: {bound}}}]")
        done = CliRunner().invoke(gate_command, [str(tmp_path), "--rules", str(rules)])
        assert done.exit_code == code, done.output
        verdict = json.loads((tmp_path / "gate.json").read_text())
        assert (verdict["exit_code"], len(verdict["checks"])) == (code, 2)


@pytest.mark.parametrize("name", ["same", "other"])
def test_an_average_over_the_corruptions_of_other_sensors_is_not_comparable(
    two: Results, name: str
) -> None:
    """The same cells: ours is over fog and beams, that of a model without LiDAR over fog alone."""

    def file(model: str, sensors: tuple[Literal["camera", "lidar"], ...], mpc: float) -> Results:
        cells = (
            cell(model, "clean", "clean", 0, 0.4),
            cell(model, "corruption", "fog", 1, 0.3),
            cell(model, "corruption", "beam_missing", 1, 0.2, "lidar"),
        )
        summary = {f"{model}/torch": aggregates(mpc, mpc / 0.4, 1 - mpc / 0.4)}
        models = (Model(name=model, sha256=model, sensors=sensors),)
        return two.model_copy(
            update={"cells": cells, "summary": summary, "models": models, "sanity": ()}
        )

    ours, baseline = file("same", ("camera", "lidar"), 0.25), file(name, ("camera",), 0.3)
    report = gate(ours, baseline, aggregate="mAP/mPC", max_drop=0.06)
    assert report.exit_code == ExitCode.NOT_COMPARABLE
    assert "only here over beam missing" in report.not_comparable[0]
