import re

from reports.gate.evaluate import evaluate_rules
from reports.gate.rules import Rule, Rules
from reports.schema import Results
from reports.writers.openmetrics import openmetrics_text


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


LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{{((?:{LABEL})(?:,{LABEL})*)\}})? (\S+)")


def parse_openmetrics(text: str) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    assert text.endswith("# EOF\n")
    families: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    current = ""
    for line in text.removesuffix("# EOF\n").splitlines():
        if line.startswith("# TYPE "):
            _, _, current, kind = line.split(" ")
            assert kind == "gauge"
            assert current not in families, "a family must not be interleaved"
            families[current] = {}
        elif line.startswith("# HELP "):
            assert line.split(" ")[2] == current
        else:
            match = SAMPLE.fullmatch(line)
            assert match, line
            assert match[1] == current
            labels = tuple(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
            assert len({name for name, _ in labels}) == len(labels)
            assert labels not in families[current], line
            families[current][labels] = float(match[3])
    return families


def test_openmetrics_is_valid_and_exact(results: Results) -> None:
    families = parse_openmetrics(openmetrics_text(results, evaluate_rules(results, mixed_rules())))
    wanted = {
        (cell.id, name): metric.value
        for cell in results.cells
        for name, metric in cell.metrics.items()
        if metric.value is not None
    }
    found = {
        (dict(labels)["cell"], dict(labels)["metric"]): value
        for labels, value in families["calico_metric"].items()
    }
    assert found == wanted
    assert families["calico_gate_checks"] == {
        (("state", "passed"),): 3,
        (("state", "failed"),): 3,
        (("state", "error"),): 1,
        (("state", "inconclusive"),): 0,
    }
    assert families["calico_gate_exit_code"] == {(): 3}
    assert set(families["calico_check_passed"].values()) == {1.0}


def test_openmetrics_escapes_labels(results: Results) -> None:
    families = parse_openmetrics(openmetrics_text(renamed(results, 'a"b\\c\nd')))
    assert dict(next(iter(families["calico_frames"])))["model"] == 'a\\"b\\\\c d'
