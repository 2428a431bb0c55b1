"""`calico report` and `calico gate`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

PATH = click.Path(path_type=Path)


@click.command("report")
@click.argument("run", type=PATH)
@click.option("--baseline", type=PATH, help="results.json of an earlier run to show changes against.")
def report(run: Path, baseline: Path | None) -> None:
    """Write report.html, summary.md, junit.xml and metrics.txt from the results in RUN.

    \b
    Example: calico report runs/tiny-robust
    """
    from reports.console import headline
    from reports.schema import read_results
    from reports.write import write_report

    results = read_results(run / "results.json")
    files = write_report(run, results, read_results(baseline) if baseline else None)
    for line in headline(results):
        click.echo(line)
    click.echo("also: " + ", ".join(file.name for file in files[1:]))
    click.echo(f"report: {files[0]}")


@click.command("gate")
@click.argument("results", type=PATH)
@click.option("--rules", type=PATH, required=True, help="YAML file of rules (docs/reports.md).")
@click.option("--baseline", type=PATH, help="results.json to compare with; needed by max_drop rules.")
@click.option("--out", type=PATH, help="Folder for the reports with the verdict.  [default: that of RESULTS]")
def gate(results: Path, rules: Path, baseline: Path | None, out: Path | None) -> None:
    """Check RESULTS (results.json) against rules.

    \b
    Exit codes: 0 passed, 1 internal error, 2 usage, 3 regression, 5 not comparable with the baseline, 130 interrupted.
    Example: calico gate runs/robust/results.json --rules gate.yaml --baseline main/results.json
    """
    from reports.console import gate_lines
    from reports.gate import evaluate
    from reports.rules import read_rules
    from reports.schema import read_results
    from reports.write import write_report

    measured = read_results(results)
    before = read_results(baseline) if baseline else None
    verdict = evaluate(measured, read_rules(rules), before)
    folder = out or results.parent
    folder.mkdir(parents=True, exist_ok=True)
    write_report(folder, measured, before, verdict, pictures_dir=results.parent)
    for line in gate_lines(verdict):
        click.echo(line)
    sys.exit(int(verdict.exit_code))
