import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from calico.config.load import load_config
from calico.errors import CalicoError
from calico.models.calico import build_model
from calico.train.checkpoint import FORMAT, METADATA_KEY, load_model, load_state, read_model_config, save_model

MINI = [
    "model.camera=null",
    "model.lidar.pillar_channels=8",
    "model.bev={layers: [1], strides: [2], channels: [8], neck_channels: 8, out_stride: 2}",
    "data.cache_dir=somewhere",
]


def card(config: dict[str, Any]) -> dict[str, str]:
    return {METADATA_KEY: json.dumps({"format": FORMAT, "config": config})}


def test_round_trip_keeps_weights_and_hides_paths(tmp_path: Path) -> None:
    config = load_config("tiny", None, MINI)
    model = build_model(config, seed=1)
    digest = save_model(tmp_path / "model.safetensors", model, config)
    loaded, portable = load_model(tmp_path)
    assert portable.data.cache_dir is None
    assert portable.model == config.model
    assert not loaded.training
    for name, value in model.state_dict().items():
        assert torch.equal(value, loaded.state_dict()[name]), name
    assert save_model(tmp_path / "again.safetensors", loaded, config) == digest


def test_foreign_and_broken_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(CalicoError, match="not found"):
        load_model(tmp_path)
    (tmp_path / "text.safetensors").write_text("hello")
    with pytest.raises(CalicoError, match="not a safetensors file"):
        read_model_config(tmp_path / "text.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(CalicoError, match=f"expected '{FORMAT}'"):
        read_model_config(tmp_path / "other.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "odd.safetensors", card({"colour": 1}))
    with pytest.raises(CalicoError, match="does not fit this version"):
        read_model_config(tmp_path / "odd.safetensors")
    config = load_config("tiny", None, MINI).model_dump(mode="json")
    save_file({"a": torch.zeros(1)}, tmp_path / "wrong.safetensors", card(config))
    with pytest.raises(CalicoError, match="do not fit the architecture"):
        load_model(tmp_path / "wrong.safetensors")


def test_an_unfinished_training_is_not_taken_for_a_model(tmp_path: Path) -> None:
    before, stage = tmp_path / "prc", tmp_path / "finetune"
    for folder in (before, stage):
        folder.mkdir()
        (folder / "run.json").write_text("{}")
    with pytest.raises(CalicoError, match="not found"):
        load_model(tmp_path)  # folders of something else
    (before / "log.jsonl").write_text("")
    with pytest.raises(CalicoError, match="without a fine-tuned model; go on with calico train --resume"):
        load_model(tmp_path)
    config = load_config("tiny", None, MINI)
    for folder in (tmp_path, stage):
        save_model(folder / "model.safetensors", build_model(config, seed=1), config)
    load_model(stage)
    (stage / "log.jsonl").write_text("")
    for folder in (tmp_path, stage):  # the model of the run is of an earlier fine-tuning
        with pytest.raises(CalicoError, match="has not come to its end"):
            load_model(folder)
    load_model(stage / "model.safetensors")
    (stage / "done").write_text("{}")
    for folder in (tmp_path, stage):
        load_model(folder)


def test_training_state_is_never_unpickled_blindly(tmp_path: Path) -> None:
    torch.save({"step": Path}, tmp_path / "state.pt")  # a class: needs the unsafe unpickler
    with pytest.raises(CalicoError, match="cannot be read"):
        load_state(tmp_path / "state.pt")
    with pytest.raises(CalicoError, match="nothing to resume"):
        load_state(tmp_path / "none.pt")
