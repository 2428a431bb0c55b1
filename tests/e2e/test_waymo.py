"""Simulated Waymo files of both versions through every command, by changing the data's folder."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from calico.data.waymo.records import CAMERA_NAMES
from tests.calico.data.waymo.small import SEGMENTS, segment
from tests.mini import MINI

ROOT = Path(__file__).parents[2]
SETTINGS = (
    *(one for one in MINI if not one.startswith("model.map")),
    "data.sweeps=2",
    "pretrain.samples={rich: 64, less: 64}",
    "pretrain.prc.train={epochs: 1, batch_size: 2, validate_every: 1}",
    "pretrain.rad.train={epochs: 1, batch_size: 2, validate_every: 1}",
    "train={epochs: 2, batch_size: 2, validate_every: 2}",
)


def calico(*words: str, expect: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "calico.cli.main", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == expect, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.fixture(scope="module", params=["v1", "v2"])
def root(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from calico.data.waymo.v1.writer import write_segment as write_v1
    from calico.data.waymo.v2.writer import write_segment as write_v2

    folder = tmp_path_factory.mktemp(request.param)
    write = {"v1": write_v1, "v2": write_v2}[request.param]
    for split, scene, name in SEGMENTS:
        one = segment(split, scene)
        write(folder, name, one.context, one.records())
    return folder


@pytest.fixture(scope="module")
def run(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained run folder."""
    folder = tmp_path_factory.mktemp("runs") / "mini"
    settings = [word for one in SETTINGS for word in ("--set", one)]
    calico("train", *settings, "--data-root", str(root), "--out", str(folder))
    return folder


@pytest.mark.slow
def test_a_data_set_is_checked(root: Path) -> None:
    shown = calico("data", "check", "--data-root", str(root))
    assert shown.rstrip().endswith("all there")
    assert "LiDARs" in shown
    assert "train time of day" in shown


@pytest.mark.slow
def test_eval_scores_waymos_classes(root: Path, run: Path, tmp_path: Path) -> None:
    shown = calico("eval", str(run), "--out", str(tmp_path / "eval.json"))
    for name in ("AP/vehicle", "AP/pedestrian", "AP/cyclist"):
        assert name in shown
    has_map = root.name.startswith("v1")
    assert ("undefined (no frame has both map masks" in shown) != has_map


@pytest.mark.slow
def test_infer_draws_pictures(run: Path, tmp_path: Path) -> None:
    calico("infer", str(run), "--limit", "1", "--out", str(tmp_path / "infer"))
    submission = json.loads((tmp_path / "infer" / "submission.json").read_text())
    assert submission["meta"]["classes"] == ["vehicle", "pedestrian", "cyclist"]
    assert len(submission["results"]) == 1
    pictures = {path.name.rsplit("-", 1)[1] for path in (tmp_path / "infer/pictures").iterdir()}
    assert pictures == {"bev.png", "cameras.png"}


@pytest.mark.slow
def test_export_robust_and_gate(run: Path, tmp_path: Path) -> None:
    shown = calico("export", str(run), "--frames", "1", "--out", str(tmp_path / "model.onnx"))
    assert "parity passed: 1 frames" in shown
    out = tmp_path / "robust"
    words = ["--corruptions", "snowfall,camera_crash", "--severity", "4", "--frames", "2"]
    attacks = ["--attack", "pgd,random_drop", "--steps", "2", "--no-sanity", "--sensor", "lidar"]
    calico("robust", str(run), *words, *attacks, "--out", str(out))
    results = json.loads((out / "results.json").read_text())
    assert {cell["condition"]["name"] for cell in results["cells"]} >= {
        "snowfall",
        "camera_crash",
        "lidar_pgd",
    }
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules: [{metric: mAP, condition: clean, max: 0.9}]")
    assert "gate: passed" in calico("gate", str(out), "--rules", str(rules))
    rules.write_text("rules: [{metric: mAP, condition: snowfall, min: 0.9}]")
    assert "not passed" in calico("gate", str(out), "--rules", str(rules), expect=3)


@pytest.mark.slow
def test_cameras_are_waymos(run: Path) -> None:
    shown = calico("config", "show", "--config", str(run / "config.yaml"))
    assert all(name in shown for name in CAMERA_NAMES.values())
