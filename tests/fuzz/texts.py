"""Files that users write or that other programs hand over: settings, rules, results, predictions,
tables of a benchmark."""

from __future__ import annotations

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from calico.config.load import load_config, to_yaml
from calico.predictions import Predictions
from calico_eval.submission import predictions_from_submission, read_submission, write_submission
from experiments.pretraining.table import write_tables
from reports.gate.evaluate import evaluate_rules
from reports.gate.rules import read_rules
from reports.results_file import read_results
from reports.writers.run_folder import write_report
from tests.calico_eval.street import Street
from tests.fuzz.evaluation_run import run_small
from tests.fuzz.harness import Subject
from tests.fuzz.mutate import damage_json, damage_yaml

RULES = """\
rules:
  - {metric: mAP, condition: clean, min: 0.001, max: 0.99}
  - {metric: mAP, condition: "*", severity: [0, 1, 5], relative_to_clean_min: 0.1}
  - {aggregate: mAP/mPC, model: "*", engine: "*", max_drop: 0.05}
accept: [attacks_without_sanity_verdict]
"""


def _config(folder: Path) -> Path:
    file = folder / "settings.yaml"
    file.write_text(to_yaml(load_config("tiny")))
    return file


def _rules(folder: Path) -> Path:
    file = folder / "gate.yaml"
    file.write_text(RULES)
    return file


def _gate(rules: Path) -> str:
    results = read_results(run_small() / "results.json")
    return evaluate_rules(results, read_rules(rules), results).model_dump_json()


def _results(folder: Path) -> Path:
    file = folder / "results.json"
    content = json.loads((run_small() / "results.json").read_text())
    content["pictures"] = []
    del content["sha256"]  # of the file as it was; see `stored.py`
    file.write_text(json.dumps(content))
    shutil.copy(_rules(folder), folder / "rules.yaml")
    return file


def _judged_results(file: Path) -> str:
    """All that is done with a results file: read, compared with another one, gated, and written as
    every report."""
    results, before = read_results(file), read_results(run_small() / "results.json")
    verdict = evaluate_rules(results, read_rules(file.parent / "rules.yaml"), before)
    write_report(file.parent / "out", results, before, verdict, pictures_dir=file.parent)
    return results.model_dump_json() + verdict.model_dump_json()


@cache
def _street() -> tuple[Any, ...]:
    source = Street(1, 2)
    return tuple(source[index] for index in range(len(source)))


def _submission(folder: Path) -> Path:
    file = folder / "clean.json"
    pairs = []
    for frame in _street():
        scores = np.linspace(0.9, 0.1, len(frame.boxes.boxes)).astype(np.float32)
        pairs.append((frame, Predictions(frame.boxes.boxes, scores, frame.boxes.labels, None)))
    write_submission(file, pairs, ["camera", "lidar"])
    return file


def _predictions(file: Path) -> list[Any]:
    found = read_submission(file)
    return [
        vars(predictions_from_submission(found[frame.token], frame))
        if frame.token in found
        else None
        for frame in _street()
    ]


def _bench_cell(folder: Path) -> Path:
    for variant, value in (("fused-random", 0.2), ("fused-calico", 0.25)):
        record = {
            "format": "calico-bench-pretrain-1",
            "variant": variant,
            "size": "ci",
            "labels": 0.05,
            "seed": 0,
            "split": "sim-test",
            "n_frames": 8,
            "labelled_frames": 1,
            "steps": 12,
            "data_hash": {"train": "a"},
            "metrics": {name: {"value": value} for name in ("mAP", "NDS", "mIoU")},
        }
        file = folder / f"{variant}-5pct-seed0.json"
        file.write_text(json.dumps(record))
    return file


def _bench_tables(file: Path) -> str:
    return "".join(path.read_text() for path in write_tables(file.parent) if path.suffix == ".md")


SUBJECTS = (
    Subject("config", _config, lambda file: load_config("tiny", file), damage_yaml, lines=21),
    Subject("gate", _rules, _gate, damage_yaml, lines=21, named=("gate.yaml", "the rule")),
    Subject("results", _results, _judged_results, damage_json, lines=22),
    Subject("submission", _submission, _predictions, damage_json),
    Subject(
        "bench-cell",
        _bench_cell,
        _bench_tables,
        damage_json,
        named=("fused-calico", "cells of several"),
    ),
)
