import re

from reports.gate.evaluate import evaluate_rules
from reports.gate.rules import Rule, Rules
from reports.schema import Results
from reports.writers.markdown import MAX_BYTES, markdown_summary

HOSTILE = '<script>|`**[x](y)\x00\x1b\n"\\'


def mixed_rules() -> Rules:
    return Rules(
        rules=(
            Rule(metric="mAP", model="fused", condition="clean", min=0.1),
            Rule(metric="mAP", model="fused", condition="fog", min=0.3),
            Rule(metric="mAP", condition="hail", min=0.1),
        )
    )


def renamed(results: Results, name: str) -> Results:
    cells = tuple(
        c.model_copy(update={"model": name, "id": name + c.id}) for c in results.cells[:5]
    )
    return results.model_copy(update={"title": name, "cells": cells, "models": (), "summary": {}})


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
