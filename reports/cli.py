"""The commands `calico report` and `calico gate`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from reports.errors import ReportError

PATH = click.Path(path_type=Path)


@click.command("report")
@click.argument("run", type=PATH)
@click.option(
    "--baseline", type=PATH, help="An earlier run (folder or results.json) to show changes against."
)
def report(run: Path, baseline: Path | None) -> None:
    """Write report.html, summary.md, junit.xml and metrics.txt of RUN.

    RUN is a run folder or its results.json. The verdict of an earlier `calico gate` on the same
    results is kept.

    \b
    Example: calico report runs/tiny-robust
    """
    from reports.clean_text import print_line
    from reports.comparison import match_baseline
    from reports.results_file import read_results
    from reports.writers.console import headline_lines
    from reports.writers.run_folder import read_gate, write_report

    file = results_file(run)
    results = read_results(file)
    before = read_results(results_file(baseline)) if baseline else None
    verdict = read_gate(file.parent, results)
    if verdict is None and (file.parent / "gate.json").exists():
        print_line(
            "gate.json was made from other results, or changed since: removed; run calico gate "
            "again",
            to_stderr=True,
        )
    files = write_report(file.parent, results, before, verdict)
    for reason in match_baseline(results, before)[1]:
        print_line(f"not comparable with the baseline: {reason}", to_stderr=True)
    for line in headline_lines(results, verdict):
        print_line(line)
    print_line("also: " + ", ".join(file.name for file in files[1:]))
    print_line(f"report: {files[0]}")


@click.command("gate")
@click.argument("run", type=PATH)
@click.option("--rules", type=PATH, required=True, help="YAML file of rules (docs/guides/gate.md).")
@click.option(
    "--baseline",
    type=PATH,
    help="Run to compare with (folder or results.json); needed by max_drop rules.",
)
@click.option(
    "--out", type=PATH, help="Folder for the reports with the verdict.  [default: that of RUN]"
)
def gate(run: Path, rules: Path, baseline: Path | None, out: Path | None) -> None:
    """Check RUN, a run folder or its results.json, against rules.

    With --baseline, whatever the baseline held and RUN lacks fails, too. Effect and budget checks
    that failed never pass.

    \b
    Exit codes: 0 passed, 1 internal error, 2 usage, 3 regression,
    4 inconclusive (suspect attack figures), 5 not comparable with the baseline, 130 interrupted.
    Example: calico gate runs/robust --rules gate.yaml --baseline main/results.json
    """
    from reports.clean_text import print_line
    from reports.gate.evaluate import evaluate_rules
    from reports.gate.rules import read_rules
    from reports.results_file import read_results
    from reports.writers.console import gate_lines
    from reports.writers.run_folder import withdraw_verdict, write_report

    folder = out or (run if run.is_dir() else run.parent)
    withdraw_verdict(folder)  # before anything can fail: an old verdict is none of this run
    file = results_file(run)
    measured = read_results(file)
    before = read_results(results_file(baseline)) if baseline else None
    verdict = evaluate_rules(measured, read_rules(rules), before)
    files = write_report(folder, measured, before, verdict, pictures_dir=file.parent)
    for line in gate_lines(verdict):
        print_line(line)
    print_line(f"report: {files[0]}")
    sys.exit(int(verdict.exit_code))


def results_file(path: Path) -> Path:
    """Return results.json of a run folder, or the file itself.

    Raises:
        ReportError: The run has not ended.
    """
    if (path / "cells").is_dir() and not (path / "results.json").exists():
        raise ReportError(
            f"{path}: no results.json: the run has not ended; go on with calico robust ... --out "
            f"{path} --resume"
        )
    return path / "results.json" if path.is_dir() else path
