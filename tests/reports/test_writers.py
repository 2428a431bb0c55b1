"""JUnit, OpenMetrics, Markdown, metrics_summary.json, and all of them written together."""

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from reports.errors import ReportError
from reports.gate.evaluate import evaluate_rules
from reports.gate.rules import Rule, Rules
from reports.results_file import write_results
from reports.schema import Check, Metric, Results
from reports.writers.junit import junit_xml
from reports.writers.markdown import MAX_BYTES, markdown_summary
from reports.writers.nuscenes_summary import nuscenes_summary
from reports.writers.openmetrics import openmetrics_text
from reports.writers.run_folder import read_gate, write_report

HOSTILE = '<script>|`**[x](y)\x00\x1b\n"\\'


def mixed_rules() -> Rules:
    return Rules(rules=(
        Rule(metric="mAP", model="fused", condition="clean", min=0.1),
        Rule(metric="mAP", model="fused", condition="fog", min=0.3),
        Rule(metric="mAP", condition="hail", min=0.1),
    ))  # fmt: skip


def renamed(results: Results, name: str) -> Results:
    cells = tuple(
        c.model_copy(update={"model": name, "id": name + c.id}) for c in results.cells[:5]
    )
    return results.model_copy(update={"title": name, "cells": cells, "models": (), "summary": {}})


# --- JUnit ---


def test_junit_of_a_gate_counts_what_it_holds(results: Results) -> None:
    gate = evaluate_rules(results, mixed_rules())
    suite = ElementTree.fromstring(junit_xml(results, gate)).find("testsuite")
    assert suite is not None
    cases = suite.findall("testcase")
    assert len(cases) == len(gate.checks) == int(suite.attrib["tests"]) == 7
    assert (
        len(suite.findall("testcase/failure"))
        == int(suite.attrib["failures"])
        == gate.count("failed")
        == 3
    )
    assert (
        len(suite.findall("testcase/error"))
        == int(suite.attrib["errors"])
        == gate.count("error")
        == 1
    )
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert "at least 30.0\u00a0%" in (failure.text or "")
    assert "rule: metric: mAP, model: fused, condition: fog, min: 0.3" in (failure.text or "")


def test_junit_case_names_are_unique(results: Results) -> None:
    for text in (
        junit_xml(results),
        junit_xml(results, evaluate_rules(results, Rules(rules=(Rule(metric="*", min=0.01),)))),
    ):
        names = [
            (case.get("classname"), case.get("name"))
            for case in ElementTree.fromstring(text).iter("testcase")
        ]
        assert len(names) == len(set(names))


def test_junit_without_a_gate_has_a_case_per_cell_and_fails_failed_checks(results: Results) -> None:
    broken = results.cells[1].model_copy(
        update={
            "effect": Check(passed=False, measured={"points_changed": 0.0}, message="no change")
        }
    )
    root = ElementTree.fromstring(
        junit_xml(results.model_copy(update={"cells": (results.cells[0], broken)}))
    )
    assert [len(case.findall("failure")) for case in root.iter("testcase")] == [0, 1]
    assert root.attrib["tests"] == "2"
    assert next(root.iter("failure")).text == "effect check: no change (points changed\u00a00)"


def test_junit_not_comparable_is_an_error(results: Results) -> None:
    other = results.model_copy(
        update={"provenance": results.provenance.model_copy(update={"suite_version": "2"})}
    )
    gate = evaluate_rules(results, mixed_rules(), other)
    root = ElementTree.fromstring(junit_xml(results, gate))
    assert [e.text for e in root.iter("error")][
        -1
    ] == "suite version: '1' here, '2' in the baseline"


def test_junit_with_hostile_names_parses(results: Results) -> None:
    root = ElementTree.fromstring(junit_xml(renamed(results, HOSTILE)))
    assert "<script>|`" in (root.find("testsuite") or root)[0].attrib["classname"]


# --- OpenMetrics: a small parser of the text format, written from the specification ---

LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{{((?:{LABEL})(?:,{LABEL})*)\}})? (\S+)")


def parse_openmetrics(text: str) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    assert text.endswith("# EOF\n")
    families: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    current = ""
    for line in text.removesuffix("# EOF\n").splitlines():
        if line.startswith("# TYPE "):
            _, _, current, kind = line.split(" ")
            assert kind == "gauge"
            assert current not in families, "a family must not be interleaved"
            families[current] = {}
        elif line.startswith("# HELP "):
            assert line.split(" ")[2] == current
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            assert match[1] == current
            labels = tuple(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
            assert len({name for name, _ in labels}) == len(labels)
            assert labels not in families[current], line
            families[current][labels] = float(match[3])
    return families


def test_openmetrics_is_valid_and_exact(results: Results) -> None:
    families = parse_openmetrics(openmetrics_text(results, evaluate_rules(results, mixed_rules())))
    wanted = {
        (cell.id, name): metric.value
        for cell in results.cells
        for name, metric in cell.metrics.items()
        if metric.value is not None
    }
    found = {
        (dict(labels)["cell"], dict(labels)["metric"]): value
        for labels, value in families["calico_metric"].items()
    }
    assert found == wanted
    assert families["calico_gate_checks"] == {
        (("state", "passed"),): 3,
        (("state", "failed"),): 3,
        (("state", "error"),): 1,
        (("state", "inconclusive"),): 0,
    }
    assert families["calico_gate_exit_code"] == {(): 3}
    assert set(families["calico_check_passed"].values()) == {1.0}


def test_openmetrics_escapes_labels(results: Results) -> None:
    families = parse_openmetrics(openmetrics_text(renamed(results, 'a"b\\c\nd')))
    assert dict(next(iter(families["calico_frames"])))["model"] == 'a\\"b\\\\c d'


# --- Markdown ---


def test_markdown_shows_verdict_scores_and_gate(results: Results, baseline: Results) -> None:
    text = markdown_summary(
        results, baseline, evaluate_rules(results, mixed_rules(), baseline)
    ).replace("\u00a0", " ")
    assert text.startswith("# CALICO robustness, test data\n")
    assert "| fused | 41.2 % [38.0, 44.7] −0.8 pp |" in text
    assert "**Not passed**: 3 passed, 3 failed, 1 errors (exit code 3)." in text
    assert text.index("✗ **failed**") < text.index("✓ passed")
    assert "calico robust --model runs/tiny/model.onnx" in text


def test_markdown_gate_rows_of_two_engines_differ(results: Results) -> None:
    torch = results.cells[0].model_copy(update={"engine": "torch", "id": "torch"})
    both = results.model_copy(update={"cells": (results.cells[0], torch)})
    text = markdown_summary(
        both, gate=evaluate_rules(both, Rules(rules=(Rule(metric="mAP", min=0.1),)))
    )
    assert "| mAP | fused | onnxruntime | clean |" in text
    assert "| mAP | fused | torch | clean |" in text


def test_markdown_says_which_rows_are_of_an_unused_sensor(results: Results) -> None:
    cells = tuple(c for c in results.cells if c.model == "lidar-only")
    text = markdown_summary(results.model_copy(update={"cells": cells}))
    assert "| camera crash | sensor not used | sensor not used |" in text


def test_markdown_without_a_cell_in_common_says_so(results: Results, baseline: Results) -> None:
    other = baseline.model_copy(
        update={"cells": tuple(c.model_copy(update={"engine": "user"}) for c in baseline.cells)}
    )
    text = markdown_summary(results, other)
    assert "**Not comparable with the baseline:** no cell in common: " in text
    assert "lidar-only/user in the baseline" in text


def test_markdown_tables_keep_their_columns_with_hostile_names(results: Results) -> None:
    text = markdown_summary(renamed(results, HOSTILE))
    assert "<script>" not in text
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        columns = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(columns) == 1, block


def test_markdown_stays_below_a_megabyte(results: Results) -> None:
    gate = evaluate_rules(results, Rules(rules=(Rule(metric="*", min=1),)))
    assert len(gate.checks) > 3000
    text = markdown_summary(results, gate=gate)
    assert "more checks are in report.html" in text
    assert len(text.encode()) < MAX_BYTES
    assert len(markdown_summary(renamed(results, "x" * 3_000_000)).encode()) < 1 << 20


def test_markdown_says_not_comparable(results: Results, baseline: Results) -> None:
    other = baseline.model_copy(
        update={"provenance": baseline.provenance.model_copy(update={"data": "other"})}
    )
    text = markdown_summary(results, other)
    assert "**Not comparable with the baseline:**" in text
    assert "pp" not in text


# --- metrics_summary.json ---


def test_nuscenes_summary_has_the_devkit_names(results: Results) -> None:
    entry = nuscenes_summary(results)["fused/onnxruntime"]
    clean = results.cells[0].metrics
    assert entry["mean_ap"] == clean["mAP"].value
    assert entry["nd_score"] == clean["NDS"].value
    assert entry["tp_errors"]["trans_err"] == clean["mATE"].value
    assert entry["tp_scores"]["orient_err"] == max(0.0, 1 - clean["mAOE"].value)
    assert entry["mean_dist_aps"]["barrier"] is None
    assert entry["map"]["mIoU"] == clean["mIoU"].value
    assert set(nuscenes_summary(results)) == {
        "fused/onnxruntime",
        "camera-only/onnxruntime",
        "lidar-only/onnxruntime",
    }


def test_nuscenes_summary_without_detection_invents_nothing(results: Results) -> None:
    cell = results.cells[0].model_copy(
        update={"metrics": {"mIoU": Metric(value=0.5, n_frames=1, n_scenes=1)}}
    )
    entry = nuscenes_summary(results.model_copy(update={"cells": (cell,)}))["fused/onnxruntime"]
    assert set(entry) == {"meta", "map"}


# --- all together ---


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
