"""JUnit, OpenMetrics, Markdown, metrics_summary.json, and all of them written together."""

import json
from pathlib import Path

import pytest

from reports.errors import ReportError
from reports.gate.evaluate import evaluate_rules
from reports.gate.rules import Rule, Rules
from reports.results_file import write_results
from reports.schema import Results
from reports.writers.run_folder import read_gate, write_report


def mixed_rules() -> Rules:
    return Rules(
        rules=(
            Rule(metric="mAP", model="fused", condition="clean", min=0.1),
            Rule(metric="mAP", model="fused", condition="fog", min=0.3),
            Rule(metric="mAP", condition="hail", min=0.1),
        )
    )


def test_write_report_reads_results_json_and_writes_the_same_bytes_twice(
    run_dir: Path, results: Results
) -> None:
    write_results(run_dir / "results.json", results)
    paths = write_report(run_dir)
    assert [path.name for path in paths] == [
        "report.html",
        "summary.md",
        "junit.xml",
        "metrics.txt",
        "metrics_summary.json",
    ]
    first = [path.read_bytes() for path in paths]
    assert [path.read_bytes() for path in write_report(run_dir, results)] == first
    assert (
        json.loads(first[4])["fused/onnxruntime"]["mean_ap"]
        == results.cells[0].metrics["mAP"].value
    )


def test_write_report_with_a_gate_into_another_folder_keeps_the_pictures(
    run_dir: Path, results: Results, tmp_path: Path
) -> None:
    gate = evaluate_rules(results, mixed_rules())
    paths = write_report(tmp_path / "out", results, gate=gate, pictures_dir=run_dir)
    assert "data:image/jpeg" in paths[0].read_text()
    assert paths[-1].name == "gate.json"
    verdict = json.loads(paths[-1].read_text())
    assert (verdict["passed"], verdict["exit_code"], len(verdict["checks"])) == (
        False,
        3,
        len(gate.checks),
    )


def test_the_verdict_in_gate_json_is_read_back_only_for_the_same_results(
    run_dir: Path, results: Results, baseline: Results
) -> None:
    gate = evaluate_rules(results, mixed_rules(), baseline)
    write_report(run_dir, results, gate=gate)
    assert read_gate(run_dir, results) == gate
    assert read_gate(run_dir, baseline) is None
    (run_dir / "gate.json").write_text("[]")
    assert read_gate(run_dir, results) is None


def test_a_report_without_a_verdict_leaves_no_gate_json(run_dir: Path, results: Results) -> None:
    write_report(run_dir, results, gate=evaluate_rules(results, mixed_rules()))
    write_report(run_dir, results)
    assert not (run_dir / "gate.json").exists()
    assert read_gate(run_dir, results) is None


def test_write_report_without_results_says_so(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"results\.json: no such file"):
        write_report(tmp_path)
