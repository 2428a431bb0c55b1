"""Write every report of a run folder."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from reports.errors import ReportError
from reports.files import read_sealed_json, to_json, to_sealed_json, write_text
from reports.gate.report import GateReport
from reports.html import render_html
from reports.results_file import read_results, results_hash
from reports.schema import Results
from reports.writers.junit import junit_xml
from reports.writers.markdown import markdown_summary
from reports.writers.nuscenes_summary import nuscenes_summary
from reports.writers.openmetrics import openmetrics_text

VERDICT_FILE = "gate.json"
"""Written last: where it says that the gate passed, every other report says so, too."""
REPORT_FILES = ("report.html", "summary.md", "junit.xml", "metrics.txt", "metrics_summary.json")


def write_report(
    run_dir: Path,
    results: Results | None = None,
    baseline: Results | None = None,
    gate: GateReport | None = None,
    pictures_dir: Path | None = None,
) -> list[Path]:
    """Write all reports of a run folder, and gate.json with a gate.

    The reports are report.html, summary.md, junit.xml, metrics.txt and metrics_summary.json.
    Earlier files are removed first, so that a write that fails (a full disk) leaves no report of
    something else.

    Args:
        run_dir: Folder to write into.
        results: The run. Default: read from results.json of the folder.
        baseline: An earlier run to show changes against.
        gate: Verdict of the gate, where it was run. Without one, a gate.json in the folder is
            removed: it would contradict the reports. (`read_gate` reads it.)
        pictures_dir: Folder that the pictures of `results` are relative to. Default: `run_dir`.

    Returns:
        The files, in the order above. Each is written whole or not at all.

    Raises:
        OSError: The system refuses to remove or to write a file. The message names it.
    """
    run_dir = Path(run_dir)
    results = read_results(run_dir / "results.json") if results is None else results
    texts = {
        "report.html": render_html(results, pictures_dir or run_dir, baseline, gate),
        "summary.md": markdown_summary(results, baseline, gate),
        "junit.xml": junit_xml(results, gate),
        "metrics.txt": openmetrics_text(results, gate),
        "metrics_summary.json": to_json(nuscenes_summary(results)),
    }
    if gate is not None:
        verdict = {"passed": gate.passed, "exit_code": int(gate.exit_code)}
        texts[VERDICT_FILE] = to_sealed_json(gate.model_dump(mode="json") | verdict)
    for name in (VERDICT_FILE, *REPORT_FILES):
        (run_dir / name).unlink(missing_ok=True)
    for name, text in texts.items():
        write_text(run_dir / name, text)
    return [run_dir / name for name in texts]


def withdraw_verdict(folder: Path) -> None:
    """Remove the verdict of an earlier gate and the reports that show it.

    This happens before a gate is run that may not come to an end. Nothing happens without a
    gate.json: then the reports show no verdict.

    Args:
        folder: The run folder.

    Raises:
        OSError: The system refuses to remove a file. The message names it.
    """
    if (folder / VERDICT_FILE).exists():
        for name in (*REPORT_FILES, VERDICT_FILE):
            (folder / name).unlink(missing_ok=True)


def read_gate(run_dir: Path, results: Results) -> GateReport | None:
    """Read the verdict in gate.json of a folder.

    Args:
        run_dir: The run folder.
        results: The run.

    Returns:
        The verdict, or None where it was made from other results or changed since.
    """
    try:
        content = read_sealed_json(Path(run_dir) / VERDICT_FILE, what="verdict")
        kept = {name: value for name, value in content.items() if name in GateReport.model_fields}
        gate = GateReport.model_validate_json(json.dumps(kept), strict=True)
    except (ReportError, ValidationError, AttributeError):
        return None
    same = gate.results_sha256 == results_hash(results) and gate.title == results.title
    return gate if same and content.get("passed") is gate.passed else None
