"""An old verdict is never taken for a new one, and a full disk leaves no half of a report."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import reports.writers.run_folder
from reports.cli import gate, report
from reports.results_file import write_results
from reports.schema import Results
from reports.writers.run_folder import REPORT_FILES, read_gate, write_report

OUTPUTS = ("gate.json", *REPORT_FILES)


@pytest.fixture
def run(tmp_path: Path, whole: Results) -> Path:
    """A run folder whose gate passed."""
    folder = tmp_path / "run"
    write_results(folder / "results.json", whole)
    assert check(folder, 0.1).exit_code == 0
    assert json.loads((folder / "gate.json").read_text())["passed"] is True
    return folder


def check(folder: Path, bound: object, *more: str) -> Result:
    rules = folder.parent / "gate.yaml"
    rules.write_text(f"rules: [{{metric: mAP, condition: clean, min: {bound}}}]")
    return CliRunner().invoke(gate, [str(folder), "--rules", str(rules), *more])


def outputs(folder: Path) -> list[str]:
    return [name for name in OUTPUTS if (folder / name).exists()]


@pytest.mark.parametrize("failing", OUTPUTS)
def test_a_full_disk_leaves_no_old_verdict_and_names_the_file(
    run: Path, failing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = os.fsync

    def full(descriptor: int) -> None:
        if failing in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            raise OSError(errno.ENOSPC, "No space left on device")
        original(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    done = check(run, 0.2)
    assert isinstance(done.exception, OSError)
    assert done.exception.filename == str(run / failing)
    assert "gate.json" not in outputs(run)
    for name in outputs(run):  # what was written before the disk was full is of this gate
        assert (
            name == "metrics_summary.json"
            or "20.0" in (run / name).read_text()
            or name == "metrics.txt"
        )
    assert sorted(path.name for path in run.iterdir() if path.name.startswith(".")) == []


@pytest.mark.parametrize(
    "fault",
    [
        "no rules",
        "broken rules",
        "vacuous rules",
        "broken results",
        "no results",
        "broken baseline",
        "killed",
    ],
)
def test_a_gate_that_comes_to_no_end_leaves_no_verdict(
    run: Path, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    more: list[str] = []
    bound: object = 0.1
    if fault == "broken rules":
        bound = "["
    elif fault == "vacuous rules":
        bound = -0.1
    elif fault == "broken results":
        (run / "results.json").write_text("{")
    elif fault == "no results":
        (run / "results.json").unlink()
        (run / "cells").mkdir()
    elif fault == "broken baseline":
        (run.parent / "old.json").write_text("{")
        more = ["--baseline", str(run.parent / "old.json")]
    elif fault == "killed":

        def killed(*arguments: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("reports.gate.evaluate.evaluate_rules", killed)
    if fault == "no rules":
        done = CliRunner().invoke(gate, [str(run), "--rules", str(run / "none.yaml")])
    else:
        done = check(run, bound, *more)
    assert done.exit_code != 0
    assert outputs(run) == []


def test_reports_without_a_verdict_are_left_alone_by_a_gate_that_fails(run: Path) -> None:
    (run / "gate.json").unlink()
    assert CliRunner().invoke(report, [str(run)]).exit_code == 0
    assert isinstance(check(run, -0.1).exception, ValueError)
    assert outputs(run) == list(REPORT_FILES)


def test_all_outputs_say_the_same(run: Path) -> None:
    for bound, code, word in ((0.1, 0, "Passed"), (0.9, 3, "Not passed")):
        assert check(run, bound).exit_code == code
        assert json.loads((run / "gate.json").read_text())["passed"] is (code == 0)
        assert f"**{word}**" in (run / "summary.md").read_text()
        assert ("<failure" in (run / "junit.xml").read_text()) is (code != 0)
        assert f"calico_gate_exit_code {float(code)}" in (run / "metrics.txt").read_text()
        assert f"(exit code {code})" in (run / "report.html").read_text()


def test_the_verdict_is_written_last(
    run: Path, whole: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    original = reports.writers.run_folder.write_text

    def noted(path: Path, text: str) -> None:
        written.append(path.name)
        original(path, text)

    monkeypatch.setattr(reports.writers.run_folder, "write_text", noted)
    check(run, 0.1)
    assert written[-1] == "gate.json"
    assert len(written) == len(OUTPUTS)


@pytest.mark.parametrize(
    "change",
    [
        {"passed": False},
        {"title": "other"},
        {"results_sha256": "0"},
        {"rules": []},  # its checks are about rules that are not there
        {"checks": "none"},
        {"checks": [1]},
        {"not_comparable": ["x"]},  # then it did not pass
    ],
)
def test_a_verdict_that_contradicts_itself_is_not_kept(
    run: Path, whole: Results, change: dict[str, Any]
) -> None:
    assert read_gate(run, whole) is not None
    content = json.loads((run / "gate.json").read_text())
    del content["sha256"]  # with it, the checksum alone would tell
    (run / "gate.json").write_text(json.dumps(content))
    assert read_gate(run, whole) is not None
    (run / "gate.json").write_text(json.dumps(content | change))
    assert read_gate(run, whole) is None


def test_a_verdict_that_was_changed_after_it_was_written_is_not_kept(
    run: Path, whole: Results
) -> None:
    text = (run / "gate.json").read_text()
    assert '"bound": 0.1,' in text
    (run / "gate.json").write_text(text.replace('"bound": 0.1,', '"bound": 0.9,'))
    assert read_gate(run, whole) is None


def test_a_verdict_that_is_a_pipe_does_not_hang(tmp_path: Path, whole: Results) -> None:
    os.mkfifo(tmp_path / "gate.json")
    assert read_gate(tmp_path, whole) is None
    write_report(tmp_path, whole)
    assert not (tmp_path / "gate.json").exists()
