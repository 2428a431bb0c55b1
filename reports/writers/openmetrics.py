"""OpenMetrics text (metrics.txt), for Prometheus' text collector and GitLab's metrics report."""

from __future__ import annotations

from collections.abc import Iterator

from reports.clean_text import clean_text
from reports.gate.report import GateReport
from reports.results_view import ResultsView
from reports.schema import Cell, Results


def openmetrics_text(results: Results, gate: GateReport | None = None) -> str:
    """Write all metrics of all cells, their bounds, frames and checks. It ends with '# EOF'.

    Undefined values are left out.

    Args:
        results: The run.
        gate: Verdict of the gate, or None.
    """
    lines: list[str] = []
    lines += _family(
        "calico_metric",
        "Value of a metric in a cell (fractions 0..1, metres, radians).",
        _values(results, "value"),
    )
    lines += _family(
        "calico_metric_low", "Lower end of the metric's interval.", _values(results, "lo")
    )
    lines += _family(
        "calico_metric_high", "Upper end of the metric's interval.", _values(results, "hi")
    )
    lines += _family("calico_frames", "Frames behind a cell.", _frames(results))
    lines += _family(
        "calico_check_passed",
        "Effect or budget check of a cell: 1 passed, 0 failed.",
        _checks(results),
    )
    lines += _family(
        "calico_sanity_check",
        "Sanity check of attacks: 1 passed, 0.5 warned, 0 failed; left out where not run.",
        _sanity(results),
    )
    lines += _family(
        "calico_attack_suspect",
        "Attack cell: 1 where a failed sanity check makes it suspect.",
        _suspect(results),
    )
    if gate is not None:
        states = [
            ({"state": s}, float(gate.count(s)))
            for s in ("passed", "failed", "error", "inconclusive")
        ]
        lines += _family("calico_gate_checks", "Gate checks by state.", iter(states))
        lines += _family(
            "calico_gate_exit_code", "Exit code of the gate.", iter([({}, float(gate.exit_code))])
        )
    return "\n".join([*lines, "# EOF"]) + "\n"


def _family(name: str, text: str, samples: Iterator[tuple[dict[str, str], float]]) -> list[str]:
    lines = [f"# TYPE {name} gauge", f"# HELP {name} {text}"]
    for labels, value in samples:
        inner = ",".join(f'{key}="{_escape(label)}"' for key, label in labels.items())
        lines.append(f"{name}{{{inner}}} {value!r}" if inner else f"{name} {value!r}")
    return lines


def _labels(cell: Cell) -> dict[str, str]:
    condition = cell.condition
    return {
        "model": cell.model,
        "engine": cell.engine,
        "kind": condition.kind,
        "condition": condition.name,
        "severity": str(condition.severity),
        "seed": str(cell.seed),
        "cell": cell.id,
    }


def _values(results: Results, which: str) -> Iterator[tuple[dict[str, str], float]]:
    for cell in results.cells:
        for name in sorted(cell.metrics):
            value = getattr(cell.metrics[name], which)
            if value is not None:
                yield {**_labels(cell), "metric": name}, float(value)


def _frames(results: Results) -> Iterator[tuple[dict[str, str], float]]:
    for cell in results.cells:
        if cell.metrics:
            yield _labels(cell), float(min(metric.n_frames for metric in cell.metrics.values()))


def _checks(results: Results) -> Iterator[tuple[dict[str, str], float]]:
    for cell in results.cells:
        for name, check in (("effect", cell.effect), ("budget", cell.budget)):
            if check is not None:
                yield {**_labels(cell), "check": name}, float(check.passed)


def _sanity(results: Results) -> Iterator[tuple[dict[str, str], float]]:
    for check in results.sanity:
        if check.verdict != "NOT RUN":
            labels = {"model": check.model, "engine": check.engine, "check": check.id}
            yield labels, {"PASS": 1.0, "WARN": 0.5, "FAIL": 0.0}[check.verdict]


def _suspect(results: Results) -> Iterator[tuple[dict[str, str], float]]:
    view = ResultsView(results)
    for cell in results.cells:
        if cell.condition.kind == "attack" and results.sanity:
            yield _labels(cell), float(bool(view.sanity.find_failed_checks(cell)))


def _escape(text: str) -> str:
    return clean_text(text).replace("\\", "\\\\").replace('"', '\\"')
