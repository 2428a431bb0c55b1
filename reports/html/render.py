"""Results in, one HTML text out. The same input gives the same bytes."""

from __future__ import annotations

import base64
import functools
import hashlib
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports import comparison
from reports.clean_text import clean_text
from reports.conditions import is_control
from reports.first_screen import make_first_screen
from reports.gate.report import GateReport
from reports.html.attack_tables import attack_table, cross_tables, describe_transfers
from reports.html.check_tables import budget_table, effect_table, list_absent
from reports.html.class_bars import class_bars
from reports.html.gallery import load_gallery
from reports.html.heatmap import make_heatmaps, severity_scales
from reports.html.sanity_tables import sanity_tables
from reports.html.scorecard import make_scorecard
from reports.results_view import ResultsView
from reports.sanity_verdict import is_unchecked
from reports.schema import Results
from reports.svg.attack_curves import attack_curves
from reports.svg.drawn_series import select_series
from reports.svg.parameter_curves import parameter_curves
from reports.svg.severity_curves import severity_curves
from reports.svg.trace_chart import trace_charts

FOLDER = Path(__file__).parent


def render_html(
    results: Results, run_dir: Path, baseline: Results | None = None, gate: GateReport | None = None
) -> str:
    """Render the report as one self-contained page.

    Args:
        results: The run. Every number on the page comes from it.
        run_dir: Folder that the paths of `results.pictures` are relative to.
        baseline: An earlier run. Changes are shown beside the values where the two are comparable.
        gate: Verdict of the rules, where the gate was run.
    """
    view = ResultsView(results)
    same, reasons = comparison.match_baseline(results, baseline)
    before = ResultsView(same) if same is not None else None
    frames = load_gallery(results, run_dir)
    css = (FOLDER / "style.css").read_text(encoding="utf-8")
    page = (
        _environment()
        .get_template("report.html.j2")
        .render(
            results=results,
            origin=results.provenance,
            policy=_policy(css),
            css=Markup(css),
            verdict=make_first_screen(view, gate),
            baseline=comparison.describe_baseline(results, baseline) if baseline else "",
            has_baseline=before is not None,
            not_comparable=reasons,
            series=view.series,
            subject=view.series[0].label if view.series else "the model",
            methods=_methods(view),
            scores=make_scorecard(view, before),
            heatmaps=make_heatmaps(view, before),
            scales=severity_scales(view),
            curves=severity_curves(view),
            parameter_curves=parameter_curves(view),
            parameter_curves_key=select_series(view, "curve"),
            classes=class_bars(view),
            attacks=attack_curves(view),
            attack_table=attack_table(view),
            cross_tables=cross_tables(view),
            sanity_tables=sanity_tables(view),
            unchecked=is_unchecked(results),
            traces=trace_charts(view),
            transfers=describe_transfers(view),
            curve_key=select_series(view, "corruption"),
            attack_key=select_series(view, "attack"),
            has_corruptions=bool(view.condition_names("corruption")),
            has_attacks=bool(view.condition_names("attack")),
            has_controls=any(is_control(cell.condition) for cell in results.cells),
            budgets=budget_table(view),
            effects=effect_table(view),
            gallery=frames,
            gate=gate,
            gate_checks=sorted(gate.checks, key=lambda check: check.state == "passed")
            if gate
            else (),
            facts=_facts(results),
            absent=list_absent(view, bool(frames)),
        )
    )
    return page + "\n"


@functools.cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_clean,
    )


def _clean(value: object) -> object:
    """Return the value of a template's expression as a reader may see it.

    Markup of the template itself stays as it is.
    """
    return clean_text(value) if type(value) is str else value


def _policy(css: str) -> str:
    """Allow only this very style sheet and embedded pictures. Nothing may be loaded or run."""
    digest = base64.b64encode(hashlib.sha256(css.encode("utf-8")).digest()).decode("ascii")
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; "
        f"form-action 'none'"
    )


def _methods(view: ResultsView) -> list[str]:
    """List how the intervals of the headline metrics were made."""
    found = {
        m.method
        for c in view.results.cells
        for n, m in c.metrics.items()
        if n in view.metrics and m.method and m.lo is not None
    }
    return sorted(found)


def _facts(results: Results) -> list[tuple[str, str]]:
    origin = results.provenance
    dirty = {True: " (with uncommitted changes)", False: "", None: " (unknown whether changed)"}[
        origin.git_dirty
    ]
    return [
        ("Data", f"{origin.data}, {origin.n_frames} frames in {origin.n_scenes} scenes"),
        ("Data hash", origin.data_hash),
        ("Suite version", origin.suite_version),
        ("Seed", str(origin.seed)),
        ("Git commit", f"{origin.git_commit}{dirty}" if origin.git_commit else "unknown"),
        ("CALICO", origin.calico_version),
        ("Python", origin.python),
        (
            "Packages",
            ", ".join(f"{name} {version}" for name, version in sorted(origin.packages.items())),
        ),
        ("Machine", f"{origin.machine}, {origin.threads} threads"),
    ]
