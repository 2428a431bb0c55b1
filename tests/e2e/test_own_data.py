"""Every command on folders of other rigs: without cameras, with one, with several LiDARs, without
rings, without maps. The networks are tiny, and so are the runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from calico.cli.main import cli
from calico.config.data import SimConfig
from tests.rigs import SIM, write_rig

GRID = SIM[1]
SMALL = (
    GRID,
    "model.lidar.pillar_channels=4",
    "model.bev={layers: [1], strides: [2], channels: [4], neck_channels: 4, out_stride: 2}",
    "model.detection.channels=4",
    "model.detection.max_boxes=5",
    "train={epochs: 1, batch_size: 2, init: random, validate_every: 1}",
    "device=cpu",
)
CAMERA = (
    "model.camera={image_size: [32, 64], backbone_width: 0.125, fpn_channels: 4, channels: 4, "
    "depth_bins: 8}"
)
MAP = "model.map={head: conv, channels: 4}"
NO_CAMERA, NO_MAP = "model.camera=null", "model.map=null"
RULES = "rules:\n  - {metric: NDS, max: 0.9}\n"


def run(*words: object) -> str:
    """Run a command, which has to succeed."""
    done = CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def error_of(*words: object) -> str:
    return str(CliRunner().invoke(cli, [str(word) for word in words]).exception)


def options(*settings: str) -> list[str]:
    return [word for setting in settings for word in ("--set", setting)]


def run_everything(data: Path, out: Path, *settings: str) -> dict[str, object]:
    """Train, evaluate, infer, export, measure and gate on the data of a folder."""
    model = out / "run"
    run("data", "check", "--data-root", data, *options(GRID), "--pictures", out / "pictures")
    run("train", "--data-root", data, *options(*SMALL, *settings), "--out", model)
    assert "NDS" in run("eval", model)
    run("infer", model, "--out", out / "infer")
    assert len(list((out / "infer" / "pictures").glob("*-bev.png"))) == 2
    run("export", model)
    measure = ("--corruptions", "fog,point_drop,lidar_missing", "--severity", 3)
    place = ("--data-root", data, "--out", out / "robust")
    run("robust", model / "model.onnx", *measure, *place)
    (out / "rules.yaml").write_text(RULES)
    run("gate", out / "robust", "--rules", out / "rules.yaml")
    found: dict[str, object] = json.loads((out / "robust" / "results.json").read_text())
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rig", "settings"),
    [
        ("six_cameras", (CAMERA, MAP)),
        ("one_camera", (CAMERA, MAP)),
        ("no_camera", (NO_CAMERA, MAP)),
        ("three_lidars", (NO_CAMERA, MAP)),
        ("no_rings", (NO_CAMERA, MAP)),
        ("no_map", (NO_CAMERA, NO_MAP)),
    ],
)
def test_every_command_runs_on_the_rig(rig: str, settings: tuple[str, ...], tmp_path: Path) -> None:
    data = write_rig(rig, tmp_path / "data", tmp_path / "cache")
    results = run_everything(data, tmp_path, *settings)
    cells = results["cells"]
    assert isinstance(cells, list)
    assert len(cells) > 3  # clean frames and what of the suite can do something to the rig


def test_what_a_rig_lacks_is_said_before_anything_starts(tmp_path: Path) -> None:
    data = write_rig("no_camera", tmp_path / "data", tmp_path / "cache")
    words = ("train", "--data-root", data, *options(*SMALL, MAP), "--out", tmp_path / "run")
    assert "has no cameras, but the model has a camera branch" in error_of(*words)
    assert not list((tmp_path / "run").glob("*"))
    bare = write_rig("no_map", tmp_path / "bare", tmp_path / "cache")
    words = ("train", "--data-root", bare, *options(*SMALL, MAP), "--out", tmp_path / "run")
    assert "has no maps, but the model has a map head" in error_of(*words)
    ringless = write_rig("no_rings", tmp_path / "ringless", tmp_path / "cache")
    words = ("corrupt", "--data-root", ringless, "--corruptions", "beam_missing")
    message = error_of(*words, "--out", tmp_path / "copies")
    assert "can do nothing to no_rings val" in message
    assert not (tmp_path / "copies" / "beam_missing-1").exists()


def test_the_simulator_has_defaults_that_the_folder_replaces(tmp_path: Path) -> None:
    """One option opens the folder with its own cameras and classes."""
    data = write_rig("one_camera", tmp_path / "data", tmp_path / "cache")
    shown = run("config", "show", "--data-root", data)
    assert "source: folder" in shown
    assert SimConfig().image_size == (96, 256)
    (data / "taxonomy.yaml").write_text(
        "taxonomy: {name: fleet, classes: [vehicle, person], "
        "sources: {vehicle: [car, truck, bus], person: [pedestrian]}}\n"
    )
    shown = run("config", "show", "--data-root", data)
    assert "name: fleet" in shown
    asked = run("config", "show", "--data-root", data, "--set", "taxonomy=waymo")
    assert "taxonomy: waymo" in asked
