"""The benchmark in small: it runs, resumes, and pre-training does what it is for."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calico.data.open import open_source
from calico.files import RUN_FILE
from calico.models.calico import build_model
from calico.seeds import derive_seed
from calico.train.checkpoint import load_model
from calico_eval.diagnosis import FRAMES
from calico_eval.engines.torch import TorchEngine
from calico_eval.evaluate import evaluate_engine
from calico_eval.metrics.summary import compute_metrics
from calico_eval.probe import probe_metrics, probe_split
from calico_eval.validation import eval_ranges
from corruptions.preset import Level
from experiments.pretraining.conditioned import ConditionedSource
from experiments.pretraining.protocol import SIZES, VARIANTS, Cell, config_of, stage_key
from experiments.pretraining.run import Bench


def bench(folder: Path, said: list[str]) -> Bench:
    def bar(name: str) -> Any:
        return lambda done, total, values=None: said.append(f"{name} {done}/{total}")

    extra = (
        "device=cpu",
        f"data.cache_dir={folder / 'sim'}",
        f"pretrain.regions.cache_dir={folder / 'regions'}",
    )
    return Bench(
        folder / "work",
        folder / "results",
        split="test",
        extra=extra,
        command=["calico"],
        progress=bar,
        say=said.append,
    )


@pytest.mark.slow
def test_small_benchmark_end_to_end(tmp_path: Path) -> None:
    said: list[str] = []
    runner = bench(tmp_path, said)
    cell = Cell("ci", VARIANTS["fused-calico"], 0.5, 0)
    record = json.loads(runner.run(cell).read_text())
    assert record["labelled_frames"] == 6
    assert record["steps"] == 12
    assert 0 <= record["metrics"]["mIoU"]["value"] <= 1
    assert record["origin"]["git_commit"]
    before = len(said)
    runner.run(cell)  # there already
    assert len(said) == before

    pretraining, _ = config_of(cell, runner.extra)
    seen = open_source(pretraining, "train").content_hash()
    folder = tmp_path / "work" / "pretrain" / stage_key("prc", pretraining, seen)
    assert list(record["pretraining"]) == ["prc", "rad"]
    assert record["pretraining"]["prc"] == {
        "key": folder.name,
        "model_sha256": hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
        "data_hash": seen,
        "git_commit": json.loads((folder / "origin.json").read_text())["git_commit"],
    }
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    losses = [line["total"] for line in log if "total" in line]
    assert np.mean(losses[-6:]) < np.mean(losses[:6]) - 0.3

    source = open_source(pretraining, "val")
    fit, test = probe_split(source, FRAMES, 0)
    random = build_model(pretraining, seed=derive_seed(pretraining.seed, "weights"))
    scores = [
        probe_metrics(model, source, fit, test, branch="lidar", seed=0)["probe_ap"]
        for model in (random, load_model(folder)[0])
    ]
    assert scores[1] > scores[0]

    other = Cell("ci", VARIANTS["fused-prc"], 0.5, 0)  # shares PRC: only fine-tuning is left
    count = len(said)
    runner.run(other)
    assert not any(line.startswith(("prc-", "rad-")) for line in said[count:])


@pytest.mark.slow
def test_a_size_under_a_condition_is_fine_tuned_and_scored_under_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    condition = Level("beams_reduced", 5)
    monkeypatch.setitem(SIZES, "ci", replace(SIZES["ci"], condition=condition))
    runner, cell = bench(tmp_path, []), Cell("ci", VARIANTS["lidar-random"], 0.5, 0)
    record = json.loads(runner.run(cell).read_text())
    _, config = config_of(cell, runner.extra)
    folder = cell.model_folder(tmp_path / "work")
    trained_on = ConditionedSource(open_source(config, "train"), condition)
    assert json.loads((folder / RUN_FILE).read_text())["data_hash"] == trained_on.content_hash()
    engine = TorchEngine(load_model(folder)[0], config, "cpu")
    clean = open_source(config, "test")
    under, without = (
        evaluate_engine(
            engine, source, ranges=eval_ranges(config), batch_size=config.eval.batch_size
        )
        for source in (ConditionedSource(clean, condition), clean)
    )
    scores = [compute_metrics(stats)["mIoU"].value for stats in (under, without)]
    assert record["metrics"]["mIoU"]["value"] == scores[0] != scores[1]
