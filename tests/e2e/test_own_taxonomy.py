"""A user's three classes from five lines of YAML to results.json.

The frames are simulated; the network is trained for three steps, exported and evaluated.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from click.testing import CliRunner

from calico.cli.main import cli
from calico.config.load import load_config
from calico.config.schema import Config
from calico.data.batch import collate_frames
from calico.data.open import open_source
from calico.errors import CalicoError
from calico.export.onnx import export_onnx
from calico.losses.supervised import compute_losses
from calico.models.calico import build_model
from calico.taxonomy import NUSCENES
from calico.train.checkpoint import load_model, save_model
from calico_eval.engines.torch import TorchEngine
from calico_eval.evaluate import evaluate_engine
from calico_eval.validation import eval_ranges
from reports.results_file import read_results
from reports.writers.run_folder import write_report

FIVE_LINES = """
taxonomy:
  classes: [car, person, cycle]
  map_classes: [road, pavement]
  sources: {car: [truck, bus], person: [pedestrian], cycle: [bicycle, motorcycle],
            road: [drivable_area, carpark_area], pavement: [walkway]}
"""
SMALL = (
    "grid={x_range_m: [-16, 16], y_range_m: [-16, 16], pillar_m: 1.0, map_x_range_m: [-16, 16], "
    "map_y_range_m: [-16, 16], map_cell_m: 1.0}",
    "model.camera=null",
    "model.lidar.pillar_channels=4",
    "model.bev={layers: [1], strides: [2], channels: [4], neck_channels: 4, out_stride: 2}",
    "model.detection={channels: 4, max_boxes: 5, nms_rounds: 2}",
    "model.map={head: conv, channels: 4}",
    "device=cpu",
)
SIM = "data.sim={train_scenes: 1, val_scenes: 1, frames_per_scene: 2, image_size: [32, 64]}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def config(folder: Path) -> Config:
    file = folder / "own.yaml"
    file.write_text(FIVE_LINES)
    return load_config("tiny", file, [*SMALL, SIM], {"data.cache_dir": folder / "cache"})


def nuscenes_of(config: Config) -> Config:
    """The same world in nuScenes' classes."""
    tree = ["taxonomy=nuscenes", *(f"model.{head}=null" for head in ("map",))]
    heads = f"model.detection.tasks=[[{', '.join(NUSCENES.names)}]]"
    return load_config(config, None, [*tree, heads])


def test_the_simulator_labels_the_same_world_in_other_classes(config: Config) -> None:
    """Box by box: what is a truck in nuScenes' classes is a car here, a barrier is no object."""
    own, all_ten = open_source(config, "val"), open_source(nuscenes_of(config), "val")
    assert own.content_hash() != all_ten.content_hash()
    expected = {"car": 0, "truck": 0, "bus": 0, "pedestrian": 1, "motorcycle": 2, "bicycle": 2}
    seen = set()
    for index in range(len(own)):
        mine, theirs = own[index], all_ten[index]
        names = [NUSCENES.names[label] for label in theirs.boxes.labels]
        kept = [row for row, name in enumerate(names) if name in expected]
        assert mine.boxes.labels.tolist() == [expected[names[row]] for row in kept]
        np.testing.assert_array_equal(mine.boxes.boxes, theirs.boxes.boxes[kept])
        np.testing.assert_array_equal(mine.points, theirs.points)
        assert mine.boxes.instances == tuple(theirs.boxes.instances[row] for row in kept)
        assert set(mine.boxes.attributes.tolist()) <= {-1}
        seen |= {names[row] for row in kept}
        assert mine.map_masks is not None
        assert theirs.map_masks is not None
        of = dict(zip(NUSCENES.map_names, theirs.map_masks, strict=True))
        np.testing.assert_array_equal(mine.map_masks[0], of["drivable_area"] | of["carpark_area"])
        np.testing.assert_array_equal(mine.map_masks[1], of["walkway"])
    assert {"car", "pedestrian"} <= seen
    assert own[0].taxonomy == own.taxonomy == config.taxonomy.build()  # from the cache, too


def test_from_five_lines_to_results(config: Config, folder: Path) -> None:
    train, val = open_source(config, "train"), open_source(config, "val")
    model = build_model(config, 0).train()
    assert [task.heatmap.shape[1] for task in model(collate_frames([train[0]])).tasks] == [1, 2]
    optimiser = torch.optim.AdamW(model.parameters(), 1e-2)
    batch = collate_frames([train[0], train[1]])
    losses = []
    for _ in range(3):
        loss = compute_losses(model, model(batch), batch)["total"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0]

    save_model(folder / "model.safetensors", model, config)
    stored, again = load_model(folder / "model.safetensors")
    assert again.taxonomy == config.taxonomy
    export_onnx(stored, again, collate_frames([val[0]]), folder / "model.onnx")
    properties = {one.key: one.value for one in onnx.load(folder / "model.onnx").metadata_props}
    assert json.loads(properties["class_names"]) == ["car", "person", "cycle"]
    assert json.loads(properties["map_classes"]) == ["road", "pavement"]

    run, models = folder / "run", [f"mine={folder}/model.safetensors", f"mine={folder}/model.onnx"]
    command = [
        "robust",
        *models,
        "--corruptions",
        "point_drop",
        "--severity",
        "3",
        "--device",
        "cpu",
    ]
    data = [f"data.cache_dir={folder}/cache", SIM, "eval.batch_size=2"]
    command += [word for one in data for word in ("--set", one)]
    done = CliRunner().invoke(cli, [*command, "--out", str(run)])
    assert done.exit_code == 0, done.output
    results = read_results(run / "results.json")
    assert results.provenance.taxonomy == "own"
    assert set(results.provenance.ranges) == {"car", "person", "cycle"}
    assert len(results.cells) == 4
    names = {"AP/car", "AP/person", "AP/cycle", "IoU/road", "IoU/pavement"}
    for cell in results.cells:
        assert {name for name in cell.metrics if "/" in name} == names
        assert cell.metrics["mAAE"].reason == "no class of the taxonomy defines this error"
    write_report(run)
    for name in ("report.html", "summary.md", "metrics.txt"):
        page = (run / name).read_text()
        assert "construction_vehicle" not in page
    summary = json.loads((run / "metrics_summary.json").read_text())
    assert set(summary["mine/torch-cpu"]["mean_dist_aps"]) == {"car", "person", "cycle"}


def test_a_model_of_other_classes_is_refused_before_a_frame_is_loaded(config: Config) -> None:
    engine = TorchEngine(build_model(nuscenes_of(config), 0), nuscenes_of(config), "cpu", "old")
    with pytest.raises(
        CalicoError, match=r"model old knows the classes car, truck.* data sim-val have"
    ):
        evaluate_engine(engine, open_source(config, "val"), ranges=eval_ranges(config))
