"""Cells that differ only in their seed: one rule in every output, the plain mean."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reports.gate.evaluate import evaluate_rules
from reports.gate.rules import Rule, Rules
from reports.html import render_html
from reports.html.scorecard import make_scorecard
from reports.results_view import ResultsView
from reports.schema import Cell, Results
from reports.writers.markdown import markdown_summary
from reports.writers.nuscenes_summary import nuscenes_summary
from reports.writers.run_folder import write_report


def valued(cell: Cell, value: float, seed: int) -> Cell:
    number = cell.metrics["mAP"].model_copy(update={"value": value, "lo": None, "hi": None})
    return cell.model_copy(
        update={"seed": seed, "id": f"{cell.id}-{seed}", "metrics": {**cell.metrics, "mAP": number}}
    )


@pytest.fixture
def two_seeds(whole: Results) -> Results:
    """mAP clean 0.216 and 0.9, in fog 0.1 and 0.63: means 0.558 and 0.365."""
    clean, fog = whole.cells[0], whole.cells[1]
    cells = (
        valued(clean, 0.216, 0),
        valued(clean, 0.9, 1),
        valued(fog, 0.1, 0),
        valued(fog, 0.63, 1),
    )
    return whole.model_copy(
        update={"cells": cells, "summary": {}, "curves": (), "sanity": (), "pictures": ()}
    )


def test_every_writer_shows_the_mean_over_seeds(two_seeds: Results, tmp_path: Path) -> None:
    assert "55.8\u00a0%" in make_scorecard(ResultsView(two_seeds), None)[0].rows[0].clean.text
    assert "| m | 55.8\u00a0% |" in markdown_summary(two_seeds)
    assert "55.8\u00a0%" in render_html(two_seeds, Path())
    entry = nuscenes_summary(two_seeds)["m/torch"]
    assert entry["mean_ap"] == pytest.approx(0.558, abs=1e-12)
    assert entry["meta"]["seeds"] == [0, 1]
    write_report(tmp_path, two_seeds)
    written = json.loads((tmp_path / "metrics_summary.json").read_text())
    assert written["m/torch"]["mean_ap"] == entry["mean_ap"]


def test_the_gate_asks_of_every_seed_and_names_it(two_seeds: Results) -> None:
    report = evaluate_rules(
        two_seeds, Rules(rules=(Rule(metric="mAP", condition="clean", min=0.5),))
    )
    assert [(check.condition, check.state) for check in report.checks] == [
        ("clean, seed 0", "failed"),
        ("clean, seed 1", "passed"),
    ]


def test_a_share_of_the_clean_value_is_of_the_same_seed(two_seeds: Results) -> None:
    """0.1 of 0.216 and 0.63 of 0.9; where a seed has no clean cell, of the mean over the seeds that
    have one.
    """
    rule = Rules(rules=(Rule(metric="mAP", condition="fog", relative_to_clean_min=0.5),))
    report = evaluate_rules(two_seeds, rule)
    assert [check.observed for check in report.checks] == pytest.approx([0.1 / 0.216, 0.7])
    one_clean = two_seeds.model_copy(update={"cells": (two_seeds.cells[1], *two_seeds.cells[2:])})
    assert [check.observed for check in evaluate_rules(one_clean, rule).checks] == pytest.approx(
        [0.1 / 0.9, 0.7]
    )
