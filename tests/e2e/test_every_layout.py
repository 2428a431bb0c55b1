"""Every command on every layout of data, by changing one option: --data-root."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mini import MINI

ROOT = Path(__file__).parents[2]
LAYOUTS = ("sim", "nuscenes", "waymo-v1", "waymo-v2", "folder", "kitti", "argoverse2")
CONVERTED_FIRST = ("kitti", "argoverse2")
WITHOUT_MAP = ("nuscenes", "waymo-v2", "kitti", "argoverse2")
"""The formats that cannot hold the simulator's map: the only other setting that differs."""
SETTINGS = (
    *MINI,
    "data.sim={train_scenes: 1, val_scenes: 1, frames_per_scene: 2, image_size: [64, 128]}",
    "train={epochs: 1, batch_size: 2, validate_every: 1}",
)


def calico(*words: str) -> str:
    command = [sys.executable, "-m", "calico.cli.main", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    cache = tmp_path_factory.mktemp("cache")
    chosen = (*SETTINGS, f"data.cache_dir={cache}")
    return [word for setting in chosen for word in ("--set", setting)]


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
def test_train_eval_infer_export_robust_and_gate(
    layout: str, settings: list[str], tmp_path: Path
) -> None:
    settings = [*settings, *(("--set", "model.map=null") if layout in WITHOUT_MAP else ())]
    place: list[str] = []
    if layout != "sim":
        root = tmp_path / "data"
        small = ["--small"] if layout.startswith("waymo") else []
        source = ["--from", "sim", "--to", layout, *small]
        calico("data", "convert", *settings, *source, "--out", str(root))
        if layout in CONVERTED_FIRST:
            ours = tmp_path / "ours"
            calico("data", "convert", "--data-root", str(root), "--out", str(ours))
            root = ours
        place = ["--data-root", str(root)]
        calico("data", "check", *settings, *place, "--pictures", str(tmp_path / "checked"))
        assert list((tmp_path / "checked").rglob("*.png"))
    run = tmp_path / "run"
    calico("train", *settings, *place, "--init", "random", "--out", str(run))
    calico("eval", str(run), "--out", str(tmp_path / "metrics.json"))
    (metrics,) = json.loads((tmp_path / "metrics.json").read_text()).values()
    assert {"mAP", "NDS"} <= set(metrics)
    calico("infer", f"named={run}", "--limit", "1", "--out", str(tmp_path / "shown"))
    assert list((tmp_path / "shown" / "pictures").iterdir())
    assert "parity passed" in calico("export", str(run), "--frames", "1")
    out = tmp_path / "robust"
    chosen = ("--corruptions", "fog,lidar_missing", "--severity", "3", "--frames", "1")
    attack = ("--attack", "pgd", "--steps", "1", "--attack-model", str(run))
    calico("robust", str(run / "model.onnx"), *place, *chosen, *attack, "--out", str(out))
    rules = tmp_path / "gate.yaml"
    rules.write_text("rules: [{metric: mATE, condition: fog, max: 1.99}]\n")
    assert "gate: passed" in calico("gate", str(out / "results.json"), "--rules", str(rules))
