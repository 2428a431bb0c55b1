"""`calico report` and `calico gate` on a run folder and on its results.json."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from reports.cli import gate, report
from reports.results_file import write_results
from reports.schema import Results


@pytest.fixture
def run(tmp_path: Path, results: Results, draw: Callable[[Results, Path], None]) -> Path:
    folder = tmp_path / "run"
    small = results.model_copy(
        update={"cells": results.cells[:6], "models": results.models[:1], "summary": {}}
    )
    draw(small, folder)
    write_results(folder / "results.json", small)
    (tmp_path / "gate.yaml").write_text("rules: [{metric: mAP, condition: clean, min: 0.4}]")
    return folder


def call(command: Callable[..., object], *words: object) -> Result:
    return CliRunner().invoke(command, [str(word) for word in words])  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "results.json"])
def test_both_take_the_folder_and_the_file(run: Path, name: str) -> None:
    assert call(report, run / name, "--baseline", run / name).exit_code == 0
    assert (run / "report.html").exists()
    done = call(gate, run / name, "--rules", run.parent / "gate.yaml", "--baseline", run / name)
    assert done.exit_code == 0
    assert (run / "gate.json").exists()


def test_report_keeps_the_verdict_of_the_gate(run: Path) -> None:
    call(gate, run, "--rules", run.parent / "gate.yaml")
    done = call(report, run)
    assert re.search(r"Gate +passed", done.output)
    assert "Passed" in (run / "summary.md").read_text()
    assert (run / "gate.json").exists()


def test_report_on_other_results_removes_the_verdict_and_says_so(
    run: Path, baseline: Results
) -> None:
    call(gate, run, "--rules", run.parent / "gate.yaml")
    write_results(run / "results.json", baseline)
    done = call(report, run)
    assert "gate.json was made from other results, or changed since: removed" in done.output
    assert not (run / "gate.json").exists()


def test_report_warns_of_a_baseline_without_a_cell_in_common(
    run: Path, tmp_path: Path, baseline: Results
) -> None:
    cells = tuple(
        c.model_copy(update={"engine": "user", "model": "cluster"}) for c in baseline.cells[:3]
    )
    models = (baseline.models[0].model_copy(update={"name": "cluster"}),)
    other = baseline.model_copy(update={"cells": cells, "models": models, "summary": {}})
    write_results(tmp_path / "other.json", other)
    done = call(report, run, "--baseline", tmp_path / "other.json")
    assert done.exit_code == 0
    assert "no cell in common: fused/onnxruntime here, cluster/user in the baseline" in done.output


def test_a_run_that_has_not_ended_is_told_from_a_wrong_folder(run: Path) -> None:
    (run / "results.json").rename(run / "elsewhere.json")
    assert str(call(report, run).exception).endswith("results.json: no such file")
    (run / "cells").mkdir()
    message = str(call(report, run).exception)
    assert (
        message
        == f"{run}: no results.json: the run has not ended; go on with calico robust ... --out "
        f"{run} --resume"
    )


def test_the_gate_says_where_its_report_is(run: Path) -> None:
    done = call(gate, run, "--rules", run.parent / "gate.yaml")
    assert done.output.splitlines()[-1] == f"report: {run / 'report.html'}"
