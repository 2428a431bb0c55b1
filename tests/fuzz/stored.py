"""Files that CALICO stores and believes later: weights, states, graphs, cells, frames of caches.
All carry a checksum."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from calico.config.load import load_config
from calico.config.schema import Config
from calico.config.training import RegionConfig
from calico.data.sim.cache import load_frame, save_frame
from calico.errors import CalicoError
from calico.export.reading import read_metadata
from calico.files import to_sealed_json, write_atomic
from calico.models.calico import build_model
from calico.regions import cached_regions
from calico.taxonomy import NUSCENES
from calico.train.checkpoint import load_model, load_weights, save_model, save_weights
from calico.train.done import check_done, mark_done
from calico.train.state import TrainingState, load_state, save_state
from calico_eval.attacks import AttackDetails, AttackedFrame, AttackSpec, Threat, measure_budget
from calico_eval.attacks.budget.saved import load_attacked, save_attacked
from calico_eval.engines.onnxruntime import OnnxEngine
from calico_eval.evaluation.store import RunStore
from reports.results_file import read_results
from tests import graphs
from tests.calico_eval.street import Street
from tests.fuzz.evaluation_run import run_small
from tests.fuzz.harness import Subject
from tests.fuzz.mutate import damage_json

MINI = (
    "grid={x_range_m: [-8, 8], y_range_m: [-8, 8], pillar_m: 1.0, map_x_range_m: [-8, 8], "
    "map_y_range_m: [-8, 8]}",
    "model.camera=null",
    "model.lidar.pillar_channels=4",
    "model.bev={layers: [1], strides: [2], channels: [4], neck_channels: 4, out_stride: 2}",
    "model.detection={channels: 4, max_boxes: 8}",
    "model.map={channels: 4, head: conv}",
)


@cache
def _config() -> Config:
    return load_config("tiny", None, MINI)


def _model(folder: Path) -> Path:
    save_model(folder / "model.safetensors", build_model(_config(), 0), _config())
    return folder / "model.safetensors"


def _loaded_model(file: Path) -> dict[str, Any]:
    model, config = load_model(file)
    return {"config": config, **{name: value.numpy() for name, value in model.state_dict().items()}}


def _part(folder: Path) -> Path:
    save_weights(folder / "projector.safetensors", torch.nn.Linear(3, 2), "projector")
    return folder / "projector.safetensors"


def _loaded_part(file: Path) -> Any:
    module = torch.nn.Linear(3, 2)
    load_weights(file, module, "projector")
    return {name: value.numpy() for name, value in module.state_dict().items()}


def _state(folder: Path) -> Path:
    state = TrainingState("prc", "run", 3, {"lr": 0.1}, {"last_epoch": 3}, {"w": torch.arange(6.0)})
    save_state(folder / "state.pt", state)
    return folder / "state.pt"


def _loaded_state(file: Path) -> Any:
    state = load_state(file, "prc", "run")
    return [
        state.step,
        state.optimizer,
        state.scheduler,
        {name: value.numpy() for name, value in state.weights.items()},
    ]


def _done(folder: Path) -> Path:
    _model(folder)
    mark_done(folder, "prc", 3)
    return folder / "done"


def _graph(folder: Path) -> Path:
    return graphs.write_graph(folder / "model.onnx")


def _card(folder: Path) -> Path:
    write_atomic(folder / "model.engine", b"plan")
    engine = {"path": "model.engine", "sha256": hashlib.sha256(b"plan").hexdigest()}
    write_atomic(
        folder / "model.json",
        to_sealed_json({"engine": engine, "metadata": graphs.metadata().to_properties()}),
    )
    return folder / "model.json"


def _copied_run(folder: Path, name: str) -> Path:
    shutil.copytree(run_small(), folder / "run", dirs_exist_ok=True)
    return sorted((folder / "run").glob(name))[0]


def _cell(file: Path) -> Any:
    found = RunStore(file.parent.parent).load_cell(file.stem)
    if found is None or isinstance(found, str):
        raise CalicoError(found or f"{file}: not done")
    cell, stats = found
    return [
        cell.model_dump_json(),
        [[vars(one.detection), one.segmentation and vars(one.segmentation)] for one in stats],
    ]


def _run_file(file: Path) -> str:
    """Resume the run that the file describes."""
    identity = json.loads((run_small() / "run.json").read_text())["identity"]
    RunStore(file.parent).open_run(identity, None, resume=True, overwrite=False)
    return "resumed"


def _timings(file: Path) -> Any:
    said: list[str] = []
    times = RunStore(file.parent, said.append)._timings()
    if said:
        raise CalicoError(said[0])
    return times


def _sim_frame(folder: Path) -> Path:
    save_frame(folder / "frame-0.npz", replace(Street(1, 1)[0], previous=None), "key")
    return folder / "frame-0.npz"


def _loaded_frame(file: Path) -> Any:
    frame = load_frame(file, "street0-0", "key", NUSCENES)
    if frame is None:
        return None
    return {
        name: vars(value) if name == "boxes" else value
        for name, value in vars(frame).items()
        if name != "previous"
    }


def _regions(folder: Path) -> Path:
    cached_regions(Street(1, 1)[0], RegionConfig(cache_dir=folder / "regions"))
    return next((folder / "regions").glob("*.npz"))


def _attacked(folder: Path) -> Path:
    frame = Street(1, 1)[0]
    attacked = AttackedFrame(frame, measure_budget(frame, frame), AttackDetails())
    return save_attacked(
        folder / "attacked", frame, attacked, AttackSpec("noise", Threat(camera_levels=4)), "abc"
    )


def _loaded_attacked(file: Path) -> Any:
    saved = load_attacked(file)
    return [saved.arrays, saved.about]


SUBJECTS = (
    Subject("model", _model, _loaded_model, stored=True),
    Subject("part", _part, _loaded_part, stored=True),
    Subject("state", _state, _loaded_state, stored=True),
    Subject("done", _done, lambda file: check_done(file.parent, "prc"), damage_json, stored=True),
    Subject("graph", _graph, lambda file: OnnxEngine(file).sha256, stored=True),
    Subject("engine-card", _card, read_metadata, damage_json, stored=True),
    Subject(
        "cell", lambda folder: _copied_run(folder, "cells/*.json"), _cell, damage_json, stored=True
    ),
    Subject(
        "frames",
        lambda folder: _copied_run(folder, "frames/*.parquet"),
        lambda file: _cell(file.parents[1] / "cells" / f"{file.stem}.json"),
        stored=True,
    ),
    Subject(
        "run",
        lambda folder: _copied_run(folder, "run.json"),
        _run_file,
        damage_json,
        stored=True,
        named=("run.json", "output folder"),
    ),
    Subject(
        "timings",
        lambda folder: _copied_run(folder, "timings.json"),
        _timings,
        damage_json,
        stored=True,
    ),
    Subject(
        "results",
        lambda folder: _copied_run(folder, "results.json"),
        read_results,
        damage_json,
        True,
        ...,
        (),
        21,
    ),
    Subject("simulated-frame", _sim_frame, _loaded_frame, stored=True, absent=None),
    Subject("attacked-frame", _attacked, _loaded_attacked, stored=True),
)
"""Regions are compared in `test_stored.py`: what cannot be trusted there is found again without a
word."""


def regions(folder: Path) -> tuple[Path, np.ndarray]:
    """A file of regions, and what is in it."""
    file = _regions(folder)
    return file, cached_regions(Street(1, 1)[0], RegionConfig(cache_dir=folder / "regions"))
