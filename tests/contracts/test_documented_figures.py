"""The tables of figures in README.md and docs/ equal the committed results that they name, and no
figure stands elsewhere."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks.doc_tables import BLOCK, TABLES, fill, pages, shorten_demo

ROOT = Path(__file__).parents[2]
PAGES = pages(ROOT)
INTERVAL = re.compile(r"\d ± \d|\d \[-?\d+(?:\.\d+)?, -?\d+(?:\.\d+)?\]")
"""A measured figure: a value with its interval."""
CELL = re.compile(r"\|\s*[-+*]*\d+(?:\.\d+)?(?: s| %| MB)?\**\s*(?=\|)")
"""A cell of a table that holds a number and nothing else."""
OTHERWISE_MADE = ("docs/reference/attacks.md", "docs/reference/corruptions.md")
"""Pages whose costs are written from committed results by generators, and tests, of their own."""
CODE = re.compile(r"```.*?```", re.DOTALL)
HALF_A_TABLE = (
    "<!-- table: pretraining from benchmarks/results/pretrain-laptop -->\n| old "
    "|\n<!-- "
    "end of table -->\n"
)


def stray_rows(text: str) -> list[str]:
    """The rows of tables with two figures or more that stand outside of tables made from
    results."""
    lines = CODE.sub("", BLOCK.sub("", text)).splitlines()
    return [line for line in lines if line.startswith("|") and len(CELL.findall(line)) > 1]


def stray_figures(text: str) -> list[str]:
    """The values with an interval that stand outside of tables made from results, and outside of
    code."""
    return INTERVAL.findall(CODE.sub("", BLOCK.sub("", text)))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_tables_equal_the_results_that_they_name(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text == fill(text, ROOT), "run `python -m benchmarks.doc_tables` and commit the page"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_figure_stands_outside_of_such_a_table(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert stray_figures(text) == []
    assert page.relative_to(ROOT).as_posix() in OTHERWISE_MADE or stray_rows(text) == []


def test_a_changed_figure_and_a_stray_one_are_found() -> None:
    filled = fill(HALF_A_TABLE, ROOT)
    assert "fused, CALICO" in filled
    assert fill(filled.replace("fused", "merged"), ROOT) == filled
    assert len(stray_figures(f"{filled}\nmAP 23.6 [14.7, 32.6]\n")) == 1
    assert stray_rows(filled) == []
    assert (
        len(
            stray_rows(
                f"{filled}\n| fog | 20.2 | **11.9** |\n| severity 1 | the name of 2 things |\n"
            )
        )
        == 1
    )
    assert len(stray_figures("gains 13.0 ± 7.1 mAP\n```\nmAP 1.0 [0.5, 1.5]\n```\n")) == 1


def test_a_value_of_a_table_is_that_of_its_files() -> None:
    """CALICO minus fused from random weights, by hand from the cells of seeds 0 to 2."""
    folder = ROOT / "benchmarks/results/pretrain-laptop"

    def score(variant: str, seed: int) -> float:
        cell = json.loads(
            (folder / f"fused-{variant}-5pct-seed{seed}.json").read_text(encoding="utf-8")
        )
        return 100 * float(cell["metrics"]["mAP"]["value"])

    differences = [score("calico", seed) - score("random", seed) for seed in range(3)]
    (row,) = [
        line
        for line in TABLES["pretraining"](folder)
        if "CALICO" in line and "minus fused, random" in line
    ]
    assert f"{sum(differences) / 3:+.1f} ± " in row


def test_the_demo_becomes_a_table(tmp_path: Path) -> None:
    def cell(
        kind: str, name: str, severity: int, value: float | None, **parameters: float
    ) -> dict[str, object]:
        metric = {"value": value, "lo": None if value is None else value / 2, "hi": 1.0}
        condition = {
            "kind": kind,
            "name": name,
            "severity": severity,
            "parameters": parameters,
            "control": False,
        }
        metrics = dict.fromkeys(("mAP", "NDS", "mIoU"), metric)
        return {"condition": condition, "engine": "onnxruntime-cpu", "metrics": metrics}

    run = dict.fromkeys(
        ("suite_version", "seed", "data", "n_frames", "n_scenes", "machine", "threads"), 3
    )
    cells = [
        cell("clean", "clean", 0, 0.5),
        cell("corruption", "fog", 1, 0.25),
        cell("corruption", "fog", 5, None),
        cell("corruption", "low_light", 3, 0.4),
        cell("attack", "camera_pgd", 0, 0.125, camera_levels=4),
        cell("attack", "camera_pgd", 0, 0.9, camera_levels=4)
        | {"engine": "torch-cpu"},  # not the exported model
    ]
    path = tmp_path / "demo.json"
    results = {"provenance": run | {"git_commit": "0123456789"}, "cells": cells}
    path.write_text(json.dumps(shorten_demo(results)), encoding="utf-8")
    lines = TABLES["demo"](path)
    assert "commit 0123456" in lines[0]
    assert "mAP 50.0 [25.0, 100.0]" in lines[0]
    assert "| fog | 25.0 [12.5, 100.0] |  | - |" in lines
    assert "| camera_pgd 4/255 | 12.5 [6.2, 100.0] | | |" in lines
    assert sum("camera_pgd" in line for line in lines) == 1
    assert [line for line in TABLES["demo-short"](path) if "low_light" in line] == []
