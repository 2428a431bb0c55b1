"""The whole product through its command line, on a model too small to be good: train, export,
robust, report, gate."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.mini import MINI

ROOT = Path(__file__).parents[2]
SETTINGS = (
    *MINI,
    "data.sim={train_scenes: 2, val_scenes: 2, frames_per_scene: 2, image_size: [64, 128]}",
    "pretrain.samples={rich: 64, less: 64}",
    "pretrain.prc.train={epochs: 2, batch_size: 2, validate_every: 2}",
    "pretrain.rad.train={epochs: 2, batch_size: 2, validate_every: 2}",
    "train={epochs: 6, batch_size: 2, validate_every: 6}",
)


def settings(cache: Path) -> list[str]:
    return [
        word for setting in (*SETTINGS, f"data.cache_dir={cache}") for word in ("--set", setting)
    ]


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "calico.cli.main", *words]


def calico(*words: str, expect: int = 0) -> str:
    done = subprocess.run(command(*words), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == expect, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Path:
    """A trained run folder."""
    folder = tmp_path_factory.mktemp("runs") / "mini"
    calico("train", *settings(cache), "--out", str(folder))
    return folder


@pytest.mark.slow
def test_train_export_robust_report_gate(run: Path, tmp_path: Path) -> None:
    shown = calico("export", str(run), "--frames", "2")
    assert "parity passed: 2 frames" in shown
    assert "there already" in _fails("export", str(run))
    out = tmp_path / "robust"
    common = (
        "--corruptions",
        "fog,lidar_missing",
        "--severity",
        "3",
        "--frames",
        "2",
        "--steps",
        "2",
    )
    attack = ("--attack", "pgd", "--attack", "noise", "--attack-model", str(run))
    calico("robust", str(run / "model.onnx"), *attack, *common, "--out", str(out))
    results = json.loads((out / "results.json").read_text())
    found = {(cell["condition"]["name"], cell["engine"]) for cell in results["cells"]}
    plain = {f"{sensor}_{name}" for sensor in ("camera", "lidar") for name in ("pgd", "noise")}
    attacks = plain | {
        f"{corruption}+{name}" for corruption in ("fog", "lidar_missing") for name in plain
    }
    assert found == {("clean", "onnxruntime-cpu"), ("clean", "torch-cpu")} | {
        (name, "onnxruntime-cpu") for name in ("fog", "lidar_missing")
    } | {(name, engine) for name in attacks for engine in ("onnxruntime-cpu", "torch-cpu")}
    assert all(
        cell["budget"]["passed"]
        for cell in results["cells"]
        if cell["condition"]["kind"] == "attack"
    )
    assert "report.html" in calico("report", str(out))
    rules = tmp_path / "gate.yaml"
    rules.write_text("rules: [{metric: mATE, condition: clean, max: 1.9}]\n")
    assert "gate: passed" in calico("gate", str(out / "results.json"), "--rules", str(rules))
    rules.write_text("rules: [{metric: mAP, condition: clean, min: 0.99}]\n")
    assert "gate: not passed" in calico(
        "gate", str(out / "results.json"), "--rules", str(rules), expect=3
    )


@pytest.mark.slow
def test_eval_and_infer(run: Path, tmp_path: Path) -> None:
    assert "mIoU" in calico("eval", str(run), "--out", str(tmp_path / "metrics.json"))
    calico("infer", f"named={run}", "--limit", "1", "--out", str(tmp_path / "shown"))
    assert len(list((tmp_path / "shown" / "pictures").iterdir())) == 2
    assert len(json.loads((tmp_path / "shown" / "submission.json").read_text())["results"]) == 1


@pytest.mark.slow
def test_a_user_s_model_by_name(tmp_path: Path, cache: Path) -> None:
    out = tmp_path / "mine"
    chosen = (
        "--model",
        "examples.user_model:build",
        "--corruptions",
        "lidar_missing",
        "--severity",
        "1",
    )
    calico("robust", *chosen, *settings(cache), "--out", str(out))
    cells = {
        c["condition"]["name"]: c for c in json.loads((out / "results.json").read_text())["cells"]
    }
    assert (
        cells["clean"]["metrics"]["AP/car"]["value"]
        > cells["lidar_missing"]["metrics"]["AP/car"]["value"]
        == 0
    )


@pytest.mark.slow
def test_training_survives_sigkill_with_the_same_bytes(
    run: Path, cache: Path, tmp_path: Path
) -> None:
    out = tmp_path / "mini"
    process = subprocess.Popen(
        command("train", *settings(cache), "--out", str(out)),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 300
    while not (out / "rad" / "state.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    calico("train", *settings(cache), "--out", str(out), "--resume")
    names = ["model.safetensors", "config.yaml", "run.json", "prc/projector.safetensors"]
    names += [
        f"{stage}/{name}"
        for stage in ("prc", "rad", "finetune")
        for name in ("log.jsonl", "model.safetensors")
    ]
    for name in names:
        assert (out / name).read_bytes() == (run / name).read_bytes(), name


def _fails(*words: str) -> str:
    done = subprocess.run(command(*words), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    return done.stderr
